"""A stopped case is told from one that computes for long."""

from __future__ import annotations

import pytest

from benchmarks.harness.controller.machine.pauses import (
    RankWindow,
    Stop,
    freeze_in,
    longest_pause,
    stopped_seconds,
    stops_in,
)
from benchmarks.harness.protocol.machine_report import Freeze
from machine_samples import CORES, idle_between, sample, samples, window

WATCHER = "pytest, which watches, did not run either"
STOPPED = "rank 0 is stopped by SIGSTOP"


def test_a_time_in_which_neither_the_watcher_nor_the_case_ran_is_a_stop() -> None:
    before, after = idle_between(11.0, 19.0, (10.5, 19.0))
    (stop,) = stops_in([before, sample(19.0, gap_seconds=8.0, case_cpu_seconds=after.case_cpu_seconds)], CORES)
    assert stop == Stop(11.0, 19.0, WATCHER)


def test_if_only_the_watcher_was_stopped_the_case_computed_meanwhile() -> None:
    assert stops_in([sample(10.5), sample(19.0, gap_seconds=8.0)], CORES) == []


def test_a_case_that_uses_a_part_of_many_cores_is_known_to_have_computed() -> None:
    """Pytest alone was stopped for 1.5 s, of which a sample an interval of 6 s tells."""
    assert stops_in([sample(4.0), sample(10.0), sample(16.0, gap_seconds=1.5)], cores=64) == []


@pytest.mark.parametrize("gap", [0.0, 0.3, 1.0])
def test_a_watcher_that_wakes_up_late_on_a_busy_machine_is_no_stop(gap: float) -> None:
    taken = [sample(10.0, case_cpu_seconds=0.0), sample(11.0, gap_seconds=gap, case_cpu_seconds=0.0)]
    assert stops_in(taken, CORES) == []


def test_samples_that_see_a_stopped_process_are_one_stop() -> None:
    taken = [sample(at, stopped=STOPPED if 11 < at < 19 else None) for at in (10, 11, 11.5, 12, 14, 18.5, 19, 20)]
    (stop,) = stops_in(taken, CORES)
    assert stop == Stop(11.0, 18.5, STOPPED)


def test_a_single_sample_that_sees_a_stopped_process_is_a_short_stop() -> None:
    (stop,) = stops_in([sample(10.0), sample(20.0, stopped=STOPPED), sample(30.0)], CORES)
    assert stop.end - stop.begin < 1


def test_a_stop_holds_up_the_step_in_which_it_lies() -> None:
    found = freeze_in([Stop(11.2, 19.2, STOPPED)], window(1.0, 9.0, 1.0))
    assert found == Freeze(8.0, 8.0, 4, STOPPED)


@pytest.mark.parametrize("steps", [(9.0,), (1.0, 9.0), (5.0, 9.0)])
def test_a_freeze_of_few_steps_is_seen_although_it_moves_their_median(steps: tuple[float, ...]) -> None:
    found = freeze_in([Stop(10.5 + sum(steps[:-1]), 18.5 + sum(steps[:-1]), WATCHER)], window(*steps))
    assert found is not None
    assert found.seconds >= 4


@pytest.mark.parametrize(
    "steps", [window(*[0.1] * 100), window(2.0, 2.0, 2.0, 2.0, 2.0)], ids=["short steps", "long steps"]
)
def test_a_stop_that_held_up_no_step_is_no_freeze(steps: RankWindow) -> None:
    """A loader whose batches were there already."""
    assert freeze_in([Stop(10.0, 20.0, "a loader process is stopped by SIGSTOP")], steps) is None


def test_a_stop_outside_the_window_is_no_freeze() -> None:
    assert freeze_in([Stop(1.0, 9.5, WATCHER), Stop(13.0, 30.0, WATCHER)], window(1.0, 1.0, 1.0)) is None


def test_many_short_stops_add_up() -> None:
    """As cpulimit does it: each is too short for a freeze."""
    taken = [sample(10 + 0.25 * number, stopped=STOPPED if number % 2 else None) for number in range(17)]
    steps = window(1.0, 1.0, 1.0, 1.0)
    assert freeze_in(stops_in(taken, CORES), steps) is None
    assert stopped_seconds(taken, steps) == pytest.approx(2.0, abs=0.3)


# the longest step


def test_a_step_in_which_the_case_did_nothing() -> None:
    taken = idle_between(11.0, 19.0, [0.5 * number for number in range(19, 45)])
    found = longest_pause(taken, [window(1.0, 8.0, 1.0)])
    assert found is not None
    assert (found.rank, found.step, found.seconds, found.median_seconds) == (0, 4, 8.0, 1.0)
    assert found.busy_cores == pytest.approx(0.0)


def test_a_step_in_which_a_loader_or_a_compiler_computed() -> None:
    found = longest_pause(samples(*[0.5 * number for number in range(19, 45)]), [window(1.0, 8.0, 1.0)])
    assert found is not None
    assert found.busy_cores == pytest.approx(1.5)


def test_with_few_samples_the_case_used_at_most_what_it_used_around_the_step() -> None:
    frozen, computing = idle_between(11.0, 19.0, (10.5, 19.5)), samples(10.5, 19.5)
    steps = [window(1.0, 8.0, 1.0)]
    pauses = [longest_pause(taken, steps) for taken in (frozen, computing)]
    assert [pause and pause.busy_cores for pause in pauses] == pytest.approx([1.5 / 8, 1.5 * 9 / 8])


def test_a_step_that_was_too_short_to_be_sampled() -> None:
    found = longest_pause(samples(9.0, 14.0), [window(1.0, 1.5, 1.0)])
    assert found is not None
    assert found.busy_cores is None


def test_the_rank_with_the_longest_pause_is_named() -> None:
    ranks = [window(1.0, 3.0, 1.0), window(1.0, 4.0, 1.0, rank=1)]
    found = longest_pause(samples(*range(20)), ranks)
    assert found is not None
    assert (found.rank, found.step) == (1, 4)


def test_a_single_step_has_no_median() -> None:
    assert longest_pause(samples(*range(20)), [window(3.0)]) is None


def test_a_hundred_thousand_steps_take_no_time() -> None:
    steps = window(*[1e-4] * 100_000)
    assert freeze_in([Stop(11.0, 19.0, WATCHER)], steps) is None
    assert longest_pause(samples(*range(30)), [steps]) is not None
