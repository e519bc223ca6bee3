"""Batches on their way from the host to the device."""

from __future__ import annotations

import torch
from torch import Tensor

from ocr_models.task import Batch


class DeviceBatches:
    """Copies batches to a GPU on a stream of its own, so that a copy and the step before it overlap.

    The host issues a copy as soon as the batch has arrived, and never waits for it. As the host runs ahead of the GPU,
    that is usually while the GPU still executes the step before. No batch is fetched ahead: a step never waits for the
    batch of the next one, and waiting for data means what it says.

    The memory of two batches is used in turns, so it does not depend on how far the host is ahead. A batch that was
    returned is overwritten by the call after the next one.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._next: Batch = ()
        self._last: Batch = ()
        self._last_step_begins: torch.cuda.Event | None = None

    @property
    def held(self) -> Batch:
        """The tensors of all batches whose memory is kept on a GPU; none on the CPU."""
        return *self._last, *self._next

    def on_device(self, batch: Batch) -> Batch:
        """A copy of a batch, for the step that the host issues next on the current stream. On the CPU the batch itself.

        The host does not wait for the copy of a pinned tensor. torch keeps such a tensor until it is copied.
        """
        if self._stream is None:
            return tuple(tensor.to(self._device) for tensor in batch)
        steps = torch.cuda.current_stream(self._device)
        step_begins = steps.record_event()
        target = self._next
        if not _fits(target, batch):
            target = tuple(torch.empty_like(tensor, device=self._device) for tensor in batch)
            self._stream.wait_event(step_begins)  # the memory may have been freed by a step that still runs
        elif self._last_step_begins is not None:
            self._stream.wait_event(self._last_step_begins)  # then the step on the memory to be overwritten has ended
        torch.cuda.set_stream(self._stream)  # the context of torch.cuda.stream takes the host ten times as long
        try:
            for copy, tensor in zip(target, batch, strict=True):
                copy.copy_(tensor, non_blocking=True)
        finally:
            torch.cuda.set_stream(steps)
        steps.wait_event(self._stream.record_event())
        self._next, self._last, self._last_step_begins = self._last, target, step_begins
        return target


def _fits(memory: Batch, batch: Batch) -> bool:
    return [_form(tensor) for tensor in memory] == [_form(tensor) for tensor in batch]


def _form(tensor: Tensor) -> tuple[torch.Size, torch.dtype, tuple[int, ...]]:
    return tensor.shape, tensor.dtype, tensor.stride()
