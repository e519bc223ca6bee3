"""The thread that samples, on real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.controller.machine import procfs, sampler
from benchmarks.harness.controller.machine.sampler import MachineSampler, Sample
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.stages import PROBES
from waiting import until

BUSY = "while True: pass"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(sampler, "SAMPLE_SECONDS", 0.02)
    monkeypatch.setattr(sampler, "MAX_SAMPLE_SECONDS", 0.02)


@pytest.fixture
def agent(often: None) -> Iterator[subprocess.Popen[bytes]]:
    """An agent with one rank that computes."""
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    with subprocess.Popen([sys.executable, "-c", command]) as process:
        yield process
        for pid in reversed(procfs.process_tree(process.pid)):
            os.kill(pid, signal.SIGKILL)


def rank_pid(agent: subprocess.Popen[bytes]) -> int:
    until(lambda: len(procfs.process_tree(agent.pid)) >= 2)
    return procfs.process_tree(agent.pid)[1]


def test_the_case_is_told_from_pytest_and_from_other_programs(agent: subprocess.Popen[bytes]) -> None:
    with MachineSampler(agent.pid, [RankEvents(0, pid=rank_pid(agent))]) as watching:
        until(lambda: bool(watching.samples) and watching.samples[-1].case_cpu_seconds > 0.2)
    first, last = watching.samples[0], watching.samples[-1]
    assert last.case_cpu_seconds - first.case_cpu_seconds <= (last.at - first.at) * 1.5
    assert last.watched_cpu_seconds > last.case_cpu_seconds
    assert last.cpu is not None
    assert first.cpu is not None
    assert last.cpu.busy > first.cpu.busy


def test_a_stopped_rank_is_seen_and_named_until_it_resumes(agent: subprocess.Popen[bytes]) -> None:
    pid = rank_pid(agent)
    with MachineSampler(agent.pid, [RankEvents(3, pid=pid)]) as watching:
        until(lambda: bool(watching.samples))
        assert watching.stopped() is None
        os.kill(pid, signal.SIGSTOP)
        until(lambda: watching.stopped() == ("rank 3 is stopped by SIGSTOP", 3))
        os.kill(pid, signal.SIGCONT)
        until(lambda: watching.stopped() is None)


def test_a_stopped_rank_without_an_agent_is_seen(agent: subprocess.Popen[bytes]) -> None:
    with MachineSampler(agent.pid, [RankEvents(0, pid=agent.pid)]) as watching:
        os.kill(agent.pid, signal.SIGSTOP)
        until(lambda: watching.stopped() is not None)
        assert watching.stopped() == ("rank 0 is stopped by SIGSTOP", 0)
        os.kill(agent.pid, signal.SIGCONT)
        until(lambda: watching.stopped() is None)


def test_a_stopped_loader_is_seen_and_a_stopped_agent_only_waits(agent: subprocess.Popen[bytes]) -> None:
    pid = rank_pid(agent)
    with MachineSampler(agent.pid, [RankEvents(0)]) as watching:
        os.kill(agent.pid, signal.SIGSTOP)
        count = len(watching.samples)
        until(lambda: len(watching.samples) > count + 3)
        assert watching.stopped() is None
        os.kill(pid, signal.SIGSTOP)
        until(lambda: watching.stopped() == ("a loader process is stopped by SIGSTOP", None))
        os.kill(agent.pid, signal.SIGCONT)


def is_removed(group: Path) -> bool:
    """A group whose last process has just ended is busy for a moment."""
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


@pytest.fixture
def control_group(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A v1 group of a controller, in a group of its own; both are removed."""
    outer = Path("/sys/fs/cgroup") / request.param / f"ocr-test-{os.getpid()}"
    try:
        (outer / "inner").mkdir(parents=True)
    except OSError:
        pytest.skip("making a control group needs root and the v1 hierarchies")
    if not (outer / "cgroup.procs").exists():
        outer.joinpath("inner").rmdir()
        outer.rmdir()
        pytest.skip("the v1 hierarchy is not mounted")
    yield outer / "inner"
    until(lambda: (outer / "inner" / "cgroup.procs").read_text() == "")  # the agent and its rank were killed
    until(lambda: is_removed(outer / "inner"))
    until(lambda: is_removed(outer))


@pytest.mark.parametrize("control_group", ["freezer"], indirect=True)
def test_a_frozen_control_group_is_seen(control_group: Path, agent: subprocess.Popen[bytes]) -> None:
    pid = rank_pid(agent)
    (control_group / "cgroup.procs").write_text(str(pid))
    with MachineSampler(agent.pid, [RankEvents(0, pid=pid)]) as watching:
        until(lambda: bool(watching.samples))
        assert watching.stopped() is None
        try:
            (control_group.parent / "freezer.state").write_text("FROZEN")
            until(lambda: watching.stopped() == ("the control group of the ranks is frozen", None))
        finally:
            (control_group.parent / "freezer.state").write_text("THAWED")
        until(lambda: watching.stopped() is None)


def throttled_seconds(sample: Sample) -> float:
    assert sample.throttling is not None
    assert sample.throttling.throttled_periods <= sample.throttling.periods
    return sample.throttling.throttled_seconds


@pytest.mark.parametrize("control_group", ["cpu"], indirect=True)
def test_a_quota_of_an_outer_group_and_its_throttling_are_seen(
    control_group: Path, agent: subprocess.Popen[bytes]
) -> None:
    pid = rank_pid(agent)
    (control_group.parent / "cpu.cfs_quota_us").write_text("5000")
    (control_group / "cgroup.procs").write_text(str(pid))
    with MachineSampler(agent.pid, [RankEvents(0, pid=pid)]) as watching:
        until(lambda: bool(watching.samples) and throttled_seconds(watching.samples[-1]) > 0)
    assert watching.samples[-1].quota_cores == 0.05


def test_several_stopped_ranks_are_named_together(agent: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen(["sleep", "60"]) as second:
        pids = [rank_pid(agent), second.pid]
        with MachineSampler(agent.pid, [RankEvents(rank, pid=pid) for rank, pid in enumerate(pids)]) as watching:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            until(lambda: watching.stopped() == ("ranks 0, 1 are stopped by SIGSTOP", None))
        second.kill()


def test_the_begin_of_a_phase_is_sampled(agent: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "SAMPLE_SECONDS", 3600.0)
    monkeypatch.setattr(sampler, "MAX_SAMPLE_SECONDS", 3600.0)
    events = RankEvents(0, pid=rank_pid(agent))
    with MachineSampler(agent.pid, [events]) as watching:
        until(lambda: len(watching.samples) == 1)
        events.phase = PROBES
        until(lambda: len(watching.samples) == 2)
        assert watching.samples[-1].involuntary_switches is not None
    assert len(watching.samples) == 3  # and the end


def test_a_machine_that_cannot_be_sampled_costs_the_samples_only(
    agent: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MachineSampler(agent.pid, [RankEvents(0)], tmp_path) as watching:  # an empty /proc
        until(lambda: len(watching.samples) > 1)
    assert (watching.samples[-1].cpu, watching.samples[-1].pressure) == (None, {})

    def fail(*_: object) -> None:
        raise ValueError("what nobody expected")

    with monkeypatch.context() as broken:
        broken.setattr(procfs, "process_tree", fail)
        with MachineSampler(agent.pid, [RankEvents(0)]) as watching:
            until(lambda: not watching._thread.is_alive())
    assert watching.samples == []


def test_it_takes_a_five_hundredth_of_a_core_at_most(
    agent: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the CPU time of a sample: it is taken so seldom that it costs a thousandth; ticks cost little beside it."""
    monkeypatch.undo()
    watching = MachineSampler(agent.pid, [RankEvents(0, pid=rank_pid(agent))])
    watching._sample(0.0, 0.0, threads=True)
    before = time.thread_time()
    for _ in range(20):
        watching._sample(0.0, 0.0, threads=False)
    cost = (time.thread_time() - before) / 20
    assert cost / sampler._pause_seconds(cost, 0.0) <= 0.002


def test_the_samples_of_a_day_are_few() -> None:
    at, count = 0.0, 0
    while at < 86400:
        at += sampler._pause_seconds(0.0, at)
        count += 1
    assert count < 20_000
