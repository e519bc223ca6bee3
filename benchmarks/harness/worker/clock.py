"""Wall and device time of training steps, without ever making the host wait for the device inside the window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.harness.protocol.precision import INITIAL_LOSS_SCALE
from benchmarks.harness.protocol.records import StepRecord, is_skipped
from benchmarks.harness.worker.losses import MAX_LOSSES


def wait_for(device: torch.device) -> None:
    """Wait until the device has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class _Pending:
    """A step that the host has issued; the device may still execute it."""

    index: int
    warmup: bool
    wall_seconds: float
    data_wait_seconds: float
    samples: int
    names: tuple[str, ...]
    values: Tensor  # (losses,) or (losses + 1,) with the next loss scale, on the host; valid once `end` has passed
    start: torch.cuda.Event | None
    end: torch.cuda.Event | None


class StepClock:
    """Times steps: `begin`, then per step `batch_arrived` and `step_done`, then `finish`.

    On a GPU the host runs ahead. Events recorded on the stream give a step's device time, and its losses are copied to
    pinned memory behind it. `on_record` gets a record once the device has finished the step; querying an event does
    not wait. On the CPU it gets a record at once. `begin` and `finish` may be called several times.

    Attributes:
        cpu_seconds: CPU seconds of this process, all its threads, between the last `begin` and `finish`.
    """

    def __init__(
        self,
        device: torch.device,
        total_steps: int,
        on_record: Callable[[StepRecord], None],
        steps_done: int = 0,
        loss_scale: float = INITIAL_LOSS_SCALE,
    ) -> None:
        """`steps_done` is the number of steps of an earlier run of the same training, `loss_scale` that of the first
        step, if there is a gradient scaler.
        """
        self._cuda = device.type == "cuda"
        self._device = device
        self._on_record = on_record
        self._values = torch.empty(total_steps, MAX_LOSSES + 1, pin_memory=self._cuda)
        self._issued: deque[_Pending] = deque()
        self._index = steps_done
        self._loss_scale = loss_scale
        self._warmup = False
        self._begin = self._last = self._arrived = 0.0
        self._cpu_begin = self.cpu_seconds = 0.0
        self._event: torch.cuda.Event | None = None

    def begin(self, *, warmup: bool) -> None:
        """The following steps are warm-up or measured steps. Waits for the device."""
        self._warmup = warmup
        wait_for(self._device)
        self._cpu_begin = time.process_time()
        self._event = self._record_event()
        self._begin = self._last = time.perf_counter()

    def batch_arrived(self) -> None:
        self._arrived = time.perf_counter()

    def step_done(self, samples: int, losses: dict[str, Tensor], next_scale: Tensor | None = None) -> None:
        """The host has issued a step.

        Args:
            samples: of this rank.
            losses: name -> tensor of any shape on the device; its mean is recorded.
            next_scale: factor of a gradient scaler on the loss in the next step, () on the device.
        """
        means = torch.stack([values.detach().float().mean() for values in losses.values()])
        row = self._values[self._index, : len(losses) + (next_scale is not None)]
        row[: len(losses)].copy_(means, non_blocking=True)
        if next_scale is not None:
            row[-1].copy_(next_scale, non_blocking=True)
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
            values=row,
            start=self._event,
            end=event,
        )
        self._last, self._event = now, event
        self._issued.append(pending)
        while self._issued and self._has_passed(self._issued[0]):
            self._hand_over(self._issued.popleft())

    def finish(self) -> float:
        """Wait for the device and hand over all records. Returns the seconds from `begin` until the device was done."""
        wait_for(self._device)
        # On the CPU a step is done once it has been issued; the last record has been reported since.
        seconds = (time.perf_counter() if self._cuda else self._last) - self._begin
        self.cpu_seconds = time.process_time() - self._cpu_begin
        while self._issued:
            self._hand_over(self._issued.popleft())
        return seconds

    def _hand_over(self, step: _Pending) -> None:
        device_seconds = None
        if step.start is not None and step.end is not None:
            device_seconds = step.start.elapsed_time(step.end) / 1000  # events count milliseconds
        values = step.values.tolist()
        scale = next_scale = None
        if len(values) > len(step.names):
            scale, next_scale = self._loss_scale, values[-1]
            self._loss_scale = next_scale
        self._on_record(
            StepRecord(
                index=step.index,
                warmup=step.warmup,
                wall_seconds=step.wall_seconds,
                data_wait_seconds=step.data_wait_seconds,
                device_seconds=device_seconds,
                samples=step.samples,
                losses=dict(zip(step.names, values, strict=False)),
                loss_scale=scale,
                skipped=scale is not None and next_scale is not None and is_skipped(scale, next_scale),
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
