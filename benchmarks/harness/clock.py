"""Wall and device time of training steps, without ever making the host wait for the device inside the window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.harness.records import StepRecord

MAX_LOSSES = 16


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class _Pending:
    """A step the host has issued and the device may still be working on."""

    index: int
    warmup: bool
    wall_seconds: float
    data_wait_seconds: float
    samples: int
    names: tuple[str, ...]
    losses: Tensor  # (losses,), on the host; filled by the time `end` has passed
    start: torch.cuda.Event | None
    end: torch.cuda.Event | None


class StepClock:
    """Times steps: `begin`, then per step `batch_arrived` and `step_done`, then `finish`.

    On a GPU the host runs ahead: a step's device time lies between events recorded on the stream, and its losses
    travel to pinned memory behind it. A record is handed to `on_record` once the device has passed its step; asking
    an event whether it has passed makes nobody wait. On the CPU a record is handed over at once. `steps_done` says how
    many steps came before the first, in an earlier run; `begin` and `finish` may come several times.
    """

    def __init__(
        self, device: torch.device, total_steps: int, on_record: Callable[[StepRecord], None], steps_done: int = 0
    ) -> None:
        self._cuda = device.type == "cuda"
        self._device = device
        self._on_record = on_record
        self._losses = torch.empty(total_steps, MAX_LOSSES, pin_memory=self._cuda)
        self._issued: deque[_Pending] = deque()
        self._index = steps_done
        self._warmup = False
        self._begin = self._last = self._arrived = 0.0
        self._event: torch.cuda.Event | None = None

    def begin(self, *, warmup: bool) -> None:
        """The steps from here on are warm-up or measured ones. Waits for the device."""
        self._warmup = warmup
        wait_for(self._device)
        self._event = self._record_event()
        self._begin = self._last = time.perf_counter()

    def batch_arrived(self) -> None:
        self._arrived = time.perf_counter()

    def step_done(self, samples: int, losses: dict[str, Tensor]) -> None:
        """The host has issued a step. `losses`: name -> tensor of any shape on the device, of which the mean counts."""
        means = torch.stack([values.detach().float().mean() for values in losses.values()])
        row = self._losses[self._index, : len(losses)]
        row.copy_(means, non_blocking=True)
        event = self._record_event()
        now = time.perf_counter()
        self._index += 1
        pending = _Pending(
            index=self._index,
            warmup=self._warmup,
            wall_seconds=now - self._last,
            data_wait_seconds=self._arrived - self._last,
            samples=samples,
            names=tuple(losses),
            losses=row,
            start=self._event,
            end=event,
        )
        self._last, self._event = now, event
        self._issued.append(pending)
        while self._issued and self._has_passed(self._issued[0]):
            self._hand_over(self._issued.popleft())

    def finish(self) -> float:
        """Wait for the device; seconds since `begin`, till it was done. All records have been handed over."""
        wait_for(self._device)
        # On the CPU a step is done when it has been issued; since then the last record has been told.
        seconds = (time.perf_counter() if self._cuda else self._last) - self._begin
        while self._issued:
            self._hand_over(self._issued.popleft())
        return seconds

    def _hand_over(self, step: _Pending) -> None:
        device_seconds = None
        if step.start is not None and step.end is not None:
            device_seconds = step.start.elapsed_time(step.end) / 1000  # events count milliseconds
        self._on_record(
            StepRecord(
                index=step.index,
                warmup=step.warmup,
                wall_seconds=step.wall_seconds,
                data_wait_seconds=step.data_wait_seconds,
                device_seconds=device_seconds,
                samples=step.samples,
                losses=dict(zip(step.names, step.losses.tolist(), strict=True)),
            )
        )

    @staticmethod
    def _has_passed(step: _Pending) -> bool:
        return step.end is None or step.end.query()

    def _record_event(self) -> torch.cuda.Event | None:
        if not self._cuda:
            return None
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event
