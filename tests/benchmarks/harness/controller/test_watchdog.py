"""Whether a running case is to be ended. The clock is a fake one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from benchmarks.harness.controller import watchdog
from benchmarks.harness.controller.watchdog import Watchdog
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.records import Failure
from samples import planned_run, rank_events, rank_result

LIMIT = 300.0
PLAN = planned_run(timeout_seconds=LIMIT).plan


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watched:
    """A case of some ranks, and its time."""

    ranks: Sequence[RankEvents]

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.stopped: tuple[str, int | None] | None = None
        self.watchdog = Watchdog(PLAN, self.ranks, self.clock, lambda: self.stopped)

    def after(self, seconds: float) -> Failure | None:
        """What the watchdog says when so many more seconds have passed, in which it looked every second."""
        found = None
        for _ in range(int(seconds)):
            found = found or self.after_a_freeze(1.0)
        return found

    def after_a_freeze(self, seconds: float) -> Failure | None:
        """The same if it could not look meanwhile."""
        self.clock.now += seconds
        return self.watchdog.look()


def stepping(*step_seconds: float) -> RankEvents:
    return rank_events(phase="measured steps", step_seconds=step_seconds)


def test_a_try_has_the_time_that_others_left_and_hangs_as_late_as_any_case() -> None:
    clock = Clock()
    ranks = [stepping()]
    looking = Watchdog(PLAN, ranks, clock, limit_seconds=30.0)
    assert looking.stall_seconds() == Watchdog(PLAN, ranks, clock).stall_seconds()
    found = None
    for _ in range(31):
        clock.now += 1.0
        found = found or looking.look()
    assert found is not None
    assert (found.kind, "not done after 30 s" in found.message) == ("timeout", True)


# how long a case may be silent


def stall_seconds(*ranks: RankEvents) -> float:
    return Watchdog(PLAN, ranks).stall_seconds()


def test_nothing_counts_as_hung_while_the_nodes_meet() -> None:
    assert stall_seconds(rank_events(phase="start")) == math.inf


def test_one_rank_that_has_started_can_hang_while_the_others_start() -> None:
    assert stall_seconds(rank_events(0, phase="start"), rank_events(1, phase="set-up")) == LIMIT / 2


@pytest.mark.parametrize("phase", ["set-up", "evaluation", "probes"])
def test_phases_of_unknown_duration_may_be_silent_for_half_the_time_limit(phase: str) -> None:
    assert stall_seconds(rank_events(phase=phase, step_seconds=(1.0, 2.0, 3.0))) == LIMIT / 2


def test_a_step_may_take_ten_times_the_longest_so_far_not_counting_the_first() -> None:
    assert stall_seconds(stepping(100.0, 3.0, 4.0)) == 40


@pytest.mark.parametrize("phase", ["warm-up", "measured steps", "training"])
def test_short_steps_still_leave_time_for_a_busy_machine(phase: str) -> None:
    assert stall_seconds(rank_events(phase=phase, step_seconds=(1.0, 0.01))) == watchdog.MIN_STALL_SECONDS


def test_a_hang_is_reported_before_the_time_limit_is_reached() -> None:
    assert stall_seconds(stepping(1.0, 60.0)) == LIMIT / 2


# what ends a case


def test_a_case_that_moves_may_run_until_its_time_limit() -> None:
    case = Watched([stepping(1.0, 1.0)])
    for _ in range(15):
        case.ranks[0].signs += 1
        assert case.after(20.0) is None
    case.ranks[0].signs += 1
    found = case.after(1.0)
    assert found == Failure("timeout", "not done after 300 s (--ocr-timeout), in measured steps, step 2 of 12")


def test_waiting_for_other_nodes_is_limited_by_the_time_limit_only() -> None:
    case = Watched([rank_events(phase="start")])
    assert case.after(LIMIT) is None
    found = case.after(1.0)
    assert found is not None
    assert (found.kind, found.rank) == ("timeout", None)
    assert "in start, step 0 of 12" in found.message


def test_a_hang_names_the_rank_that_is_behind() -> None:
    """The other waits for it in a collective, in a later stage of the same step."""
    ahead, behind = stepping(1.0, 1.0), rank_events(1, phase="measured steps", position=(7, "data"))
    ahead.position = (7, "backward")
    case = Watched([ahead, behind])
    assert case.after(20.0) is None
    assert case.after(1.0) == Failure(
        "hang",
        "rank 1 has made no progress for 21 s, in data of step 7; the train log has the stacks of all ranks",
        1,
    )


def test_a_rank_in_an_earlier_step_is_behind_whatever_its_stage() -> None:
    first, second = rank_events(0, position=(8, "data")), rank_events(1, position=(7, "optimizer"))
    found = Watched([first, second]).after(LIMIT / 2 + 1)
    assert found is not None
    assert found.rank == 1


def test_a_rank_that_waits_for_the_evaluation_of_rank_0_is_not_behind() -> None:
    ranks = [rank_events(0, phase="evaluation", position=(16, "evaluation"))]
    ranks.append(rank_events(1, phase="training", position=(16, "waiting for rank 0")))
    found = Watched(ranks).after(LIMIT / 2 + 1)
    assert found is not None
    assert found.rank == 0


def test_a_hang_of_level_ranks_names_none() -> None:
    found = Watched([rank_events(0), rank_events(1)]).after(LIMIT / 2 + 1)
    assert found == Failure(
        "hang", "the ranks have made no progress for 151 s, in set-up; the train log has the stacks of all ranks", None
    )


def test_a_sign_of_life_of_any_rank_puts_a_hang_off() -> None:
    case = Watched([stepping(1.0, 1.0), rank_events(1, phase="measured steps")])
    assert case.after(19.0) is None
    case.ranks[1].signs += 1
    assert case.after(1.0) is None
    assert case.after(20.0) is None
    found = case.after(1.0)
    assert found is not None
    assert found.kind == "hang"


def test_a_rank_that_does_not_end_after_its_result_is_named_soon() -> None:
    """Half of the time limit would be minutes; and it is not in the step in which it last stood still."""
    done = rank_events(phase="probes", step_seconds=(1.0,))
    done.results.append(rank_result())
    watched = Watched([done])
    assert watched.after(30) is None
    failure = watched.after(1)
    assert failure is not None
    assert (failure.kind, failure.rank) == ("hang", 0)
    assert failure.message.startswith(
        "rank 0 has reported its result but has not ended for 31 s: a thread, a child or an exit "
    )
    other = rank_events(1, phase="probes")
    assert Watched([done, other]).after(100) is None  # the result of the other is still awaited


def test_a_reported_failure_ends_a_case_whose_processes_do_not_end() -> None:
    """It has priority over the hang that follows from it."""
    case = Watched([stepping(1.0, 1.0), rank_events(1, phase="measured steps")])
    case.ranks[0].failure, case.ranks[0].failure_time = Failure("exception", "second", 0), 11.0
    case.ranks[1].failure, case.ranks[1].failure_time = Failure("data", "first", 1), 10.0
    assert case.after(watchdog.ENDING_SECONDS) is None
    assert case.after(1.0) == Failure("data", "first", 1)
    assert case.after(60.0) == Failure("data", "first", 1)


# time in which something did not run


@pytest.mark.parametrize("frozen", [30.0, 10 * LIMIT])
def test_time_in_which_the_watcher_did_not_run_is_neither_silence_nor_part_of_the_limit(frozen: float) -> None:
    case = Watched([stepping(1.0, 1.0)])
    assert case.after(15.0) is None
    assert case.after_a_freeze(frozen) is None
    assert case.after(3.0) is None
    found = case.after(1.0)
    assert found is not None
    assert found.kind == "hang"


def test_however_seldom_the_watcher_runs_the_time_limit_is_reached() -> None:
    case = Watched([stepping(1.0, 1.0)])
    found = None
    for _ in range(int(LIMIT / watchdog.LOOK_SECONDS) + 1):
        case.ranks[0].signs += 1
        found = case.after_a_freeze(3600.0)
    assert found is not None
    assert found.kind == "timeout"


def test_a_stopped_rank_is_not_hung_and_resumes() -> None:
    case = Watched([stepping(1.0, 1.0)])
    assert case.after(19.0) is None
    case.stopped = ("rank 0 is stopped by SIGSTOP", 0)
    assert case.after(30.0) is None
    case.stopped = None
    assert case.after(1.0) is None
    found = case.after(1.0)
    assert found is not None
    assert found.kind == "hang"


def test_a_rank_that_stays_stopped_is_named_when_the_time_limit_is_reached() -> None:
    case = Watched([stepping(1.0, 1.0), rank_events(1, phase="measured steps")])
    case.stopped = ("rank 1 is stopped by SIGSTOP", 1)
    assert case.after(LIMIT) is None
    assert case.after(1.0) == Failure(
        "timeout",
        "not done after 300 s (--ocr-timeout), in measured steps, step 2 of 12: rank 1 is stopped by SIGSTOP",
        1,
    )
