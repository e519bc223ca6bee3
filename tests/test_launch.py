from __future__ import annotations

import math
import signal

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness import launch
from benchmarks.harness.events import RankEvents
from benchmarks.harness.launch import Run, planned, stall_seconds
from benchmarks.harness.records import Failure, StepRecord
from benchmarks.harness.settings import Settings


@pytest.fixture
def run() -> Run:
    return planned(parse_case("psenet_sp_bs2_fp32_cpu1"), Settings(timeout_seconds=300))


def taken(seconds: float) -> StepRecord:
    return StepRecord(1, False, seconds, 0.0, None, 2, {"loss": 1.0})


def test_ranks_keep_their_memory_unless_the_user_wants_otherwise(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert "mmap_threshold" in launch._environment(run)["GLIBC_TUNABLES"]
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=3")
    assert launch._environment(run)["GLIBC_TUNABLES"] == "glibc.malloc.check=3"


def test_ranks_take_the_threads_of_their_plan(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as torchrun leaves it to what it starts
    assert launch._environment(run)["OMP_NUM_THREADS"] == str(run.plan.threads)


def test_nothing_counts_as_hung_while_the_nodes_meet(run: Run) -> None:
    assert stall_seconds(run) == math.inf


def in_phase(run: Run, name: str, *step_seconds: float) -> Run:
    events: RankEvents = run.ranks[0]
    events.phase = name
    events.records.extend(taken(seconds) for seconds in step_seconds)
    return run


def test_set_up_may_be_silent_for_half_the_time_limit(run: Run) -> None:
    assert stall_seconds(in_phase(run, "set-up")) == 150


def test_a_step_may_take_ten_of_the_longest_so_far_the_first_not_counted(run: Run) -> None:
    assert stall_seconds(in_phase(run, "window", 100.0, 3.0, 4.0)) == 40


def test_quick_steps_still_leave_time_for_a_busy_machine(run: Run) -> None:
    assert stall_seconds(in_phase(run, "window", 1.0, 0.01)) == launch.SHORTEST_STALL_SECONDS


def test_an_evaluation_may_be_silent_for_longer_than_steps(run: Run) -> None:
    assert stall_seconds(in_phase(run, "training", 1.0, 0.01)) == launch.SHORTEST_STALL_SECONDS
    assert stall_seconds(in_phase(run, "evaluation")) == 150


def test_a_failure_that_was_told_outranks_the_hang_in_which_the_processes_end(run: Run) -> None:
    run.ranks[0].failure = Failure("exception", "connection to 10.11.12.13:29500 refused", 0)
    launch._check_told(run, launch.ENDING_SECONDS - 1)
    with pytest.raises(launch._EndedError, match=r"connection to .* refused") as ended:
        launch._check_told(run, launch.ENDING_SECONDS + 1)
    assert "10.11.12.13" not in ended.value.failure.message


def test_a_hang_is_named_before_the_time_limit(run: Run) -> None:
    assert stall_seconds(in_phase(run, "window", 1.0, 60.0)) == 150


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """As nohup leaves SIGHUP: the run is to outlive the terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with launch._termination_as_interrupt():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
