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


class Watchdog:
    """Looks at the ranks of a running case. `clock` gives monotonic seconds."""

    def __init__(self, plan: Plan, ranks: Sequence[RankEvents], clock: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._ranks, self._clock = plan, ranks, clock
        self._started = self._last_sign = clock()
        self._signs = self._count_signs()

    def look(self) -> Failure | None:
        """To be called after new events were read. Returns why the case must be ended; None while it may run."""
        now = self._clock()
        if (signs := self._count_signs()) != self._signs:
            self._signs, self._last_sign = signs, now
        silent_seconds = now - self._last_sign
        return (
            self._reported_failure(silent_seconds) or self._timeout(now - self._started) or self._hang(silent_seconds)
        )

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

    def _timeout(self, seconds: float) -> Failure | None:
        limit = self._plan.timeout_seconds
        if seconds <= limit:
            return None
        first = self._ranks[0]
        at = f"{first.phase}, step {len(first.records)} of {self._plan.total_steps}"
        return Failure("timeout", f"not done after {limit:g} s (--ocr-timeout), in {at}")

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
