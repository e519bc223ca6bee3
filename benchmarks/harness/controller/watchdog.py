"""Whether a running case is to be ended: its time limit, a hang, or a failure after which its processes do not end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.stages import STAGES, START, STEPPING_PHASES

MIN_STALL_SECONDS = 20.0
STALL_STEPS = 10  # longest steps without a sign of life
ENDING_SECONDS = 15.0  # in which the processes of a failed case end by themselves
LEAVING_SECONDS = 30.0  # in which those of a good one do: they run exit handlers first
LOOK_SECONDS = 2.0  # the launcher looks several times a second; what exceeds this is time in which it did not run

Stopped = Callable[[], tuple[str, int | None] | None]
"""What of the case is stopped from outside now, and its rank if it is one; None if all can run."""


def nothing_stopped() -> None:
    """For a case that is not sampled."""


class Watchdog:
    """Looks at the ranks of a running case. `clock` gives monotonic seconds.

    Time in which this process did not run, because it was stopped with the case or suspended, counts neither as silence
    nor towards the time limit. Time in which processes of the case are stopped is no silence, but the limit applies.
    """

    def __init__(
        self,
        plan: Plan,
        ranks: Sequence[RankEvents],
        clock: Callable[[], float] = time.monotonic,
        stopped: Stopped = nothing_stopped,
        limit_seconds: float | None = None,
    ) -> None:
        """`limit_seconds` replaces the time limit of the plan; what counts as a hang still follows from that."""
        self._limit_seconds = plan.timeout_seconds if limit_seconds is None else limit_seconds
        self._plan, self._ranks, self._stopped, self._clock = plan, ranks, stopped, clock
        self._last_look = clock()
        self._seconds = self._silent_seconds = 0.0
        self._signs = self._count_signs()

    def look(self) -> Failure | None:
        """To be called after new events were read. Returns why the case must be ended; None while it may run."""
        now = self._clock()
        passed, self._last_look = min(now - self._last_look, LOOK_SECONDS), now
        self._seconds += passed
        stopped = self._stopped()
        if (signs := self._count_signs()) != self._signs:
            self._signs, self._silent_seconds = signs, 0.0
        elif stopped is None:
            self._silent_seconds += passed
        silent = self._silent_seconds
        return self._reported_failure(silent) or self._unended(silent) or self._timeout(stopped) or self._hang(silent)

    def stall_seconds(self) -> float:
        """How long the case may show no sign of life (any event but Stalled) before it counts as hung.

        While it steps: 10 of its longest steps. In set-up, compilation, the first steps and the probes, whose duration
        is unknown: half of its time limit, so that a hang is reported before the limit is reached.
        """
        if all(events.phase == START for events in self._ranks):
            return math.inf  # the agent waits for other nodes and has its own limit
        half = max(MIN_STALL_SECONDS, self._plan.timeout_seconds / 2)
        first = self._ranks[0]
        steps = [record.wall_seconds for record in first.records[1:]] if first.phase in STEPPING_PHASES else []
        return min(half, max(MIN_STALL_SECONDS, STALL_STEPS * max(steps))) if steps else half

    def _count_signs(self) -> int:
        return sum(events.signs for events in self._ranks)

    def _reported_failure(self, silent_seconds: float) -> Failure | None:
        """A rank reported a failure, but the processes do not end."""
        failed = [events for events in self._ranks if events.failure is not None]
        if not failed or silent_seconds <= ENDING_SECONDS:
            return None
        return min(failed, key=lambda events: events.failure_time).failure

    def _unended(self, silent_seconds: float) -> Failure | None:
        """All ranks reported their results, but the processes do not end."""
        if silent_seconds <= LEAVING_SECONDS or not all(events.results for events in self._ranks):
            return None
        rank = self._ranks[0].rank if len(self._ranks) == 1 else None
        subject = "a rank" if rank is None else f"rank {rank}"
        message = (
            f"{subject} has reported its result but has not ended for {silent_seconds:.0f} s: a thread, a child "
            "or an exit handler still runs; the train log has the stacks"
        )
        return Failure("hang", message, rank)

    def _timeout(self, stopped: tuple[str, int | None] | None) -> Failure | None:
        limit = self._limit_seconds
        if self._seconds <= limit:
            return None
        first = self._ranks[0]
        at = f"{first.phase}, step {len(first.records)} of {self._plan.total_steps}"
        what, rank = (f": {stopped[0]}", stopped[1]) if stopped is not None else ("", None)
        return Failure("timeout", f"not done after {limit:g} s (--ocr-timeout), in {at}{what}", rank)

    def _hang(self, silent_seconds: float) -> Failure | None:
        """Names the rank that is furthest behind: the others wait for it in a collective. No rank if all are level."""
        if silent_seconds <= self.stall_seconds():
            return None
        positions = [(events.position[0], STAGES.index(events.position[1])) for events in self._ranks]
        behind = [index for index, position in enumerate(positions) if position == min(positions)]
        events = self._ranks[behind[0]]
        step, stage = events.position
        subject = f"rank {events.rank} has" if len(behind) == 1 else "the ranks have"
        at = stage if step == 0 else f"{stage} of step {step}"
        message = (
            f"{subject} made no progress for {silent_seconds:.0f} s, in {at}; the train log has the stacks of all ranks"
        )
        return Failure("hang", message, events.rank if len(behind) == 1 else None)
