"""Batches copied on a stream of their own, on a simulated GPU that executes its streams in every possible order.

On the null device `tests/nullcuda/test_batches.py` tests the same with torch's own streams.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from benchmarks.harness.worker.device_batches import DeviceBatches

CPU = torch.device("cpu")
CUDA = torch.device("cuda", 0)


class Event:
    done = False


class Stream:
    """Work that the host has issued and the GPU has not done yet: a function, or an event to wait for."""

    def __init__(self) -> None:
        self.issued: deque[Callable[[], None] | Event] = deque()

    def record_event(self) -> Event:
        event = Event()
        self.issued.append(lambda: setattr(event, "done", True))
        return event

    def wait_event(self, event: Event) -> None:
        self.issued.append(event)


class Gpu:
    """Two streams and the allocator of torch, which gives freed memory away at once, for work on the current stream."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.steps, self.copies = Stream(), Stream()
        self.current = self.steps
        self.free: list[list[int]] = []

    def set_stream(self, stream: Stream) -> None:
        self.current = stream

    def advance(self, actions: int) -> None:
        """Execute up to so many pieces of work, chosen at random among those that may be next."""
        for _ in range(actions):
            ready = [
                stream
                for stream in (self.steps, self.copies)
                if stream.issued and (not isinstance(stream.issued[0], Event) or stream.issued[0].done)
            ]
            if not ready:
                return
            work = self.chance.choice(ready).issued.popleft()
            if not isinstance(work, Event):
                work()


class Batch:
    """A tensor on the host: a number, and the form that memory for it needs."""

    dtype = torch.uint8

    def __init__(self, number: int, size: int) -> None:
        self.number, self.shape = number, (size,)

    def stride(self) -> tuple[int, ...]:
        return (1,)


class Memory(Batch):
    """A tensor on the GPU. Its cells return to the allocator as soon as the host has forgotten it."""

    def __init__(self, like: Batch, gpu: Gpu) -> None:
        super().__init__(0, like.shape[0])
        self.gpu, self.cells = gpu, gpu.free.pop() if gpu.free else [0]

    def __del__(self) -> None:
        self.gpu.free.append(self.cells)

    def copy_(self, source: Batch, non_blocking: bool) -> None:
        cells, number = self.cells, source.number
        self.gpu.current.issued.append(lambda: cells.__setitem__(0, -1))  # half of it is copied
        self.gpu.current.issued.append(lambda: cells.__setitem__(0, number))


def simulated_gpu(seed: int, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """The GPU that torch has from now on."""
    gpu = Gpu(seed)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: gpu.copies)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: gpu.steps)
    monkeypatch.setattr(torch.cuda, "set_stream", gpu.set_stream)
    monkeypatch.setattr(torch, "empty_like", lambda tensor, device: Memory(tensor, gpu))
    return gpu


def note(cells: list[int], found: list[int]) -> None:
    found.extend(cells)


def trained_numbers(seed: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What each step found in its batch at its beginning and at its end, while the GPU lags behind at random."""
    gpu = simulated_gpu(seed, monkeypatch)
    batches = DeviceBatches(CUDA)
    begins: list[int] = []
    ends: list[int] = []
    for number, size in enumerate(sizes, start=1):
        (memory,) = batches.on_device((Batch(number, size),))  # type: ignore[arg-type]
        cells = memory.cells  # type: ignore[attr-defined]
        del memory
        for found in (begins, ends):
            gpu.steps.issued.append(partial(note, cells, found))
        gpu.advance(gpu.chance.choice([0, 0, 1, 3, 8, 30]))
    gpu.advance(10_000)
    return list(zip(begins, ends, strict=True))


@pytest.mark.parametrize("sizes", [[4] * 12, [4, 4, 6, 6, 4, 4, 6, 4, 6, 4], [4]], ids=["same", "varying", "one step"])
def test_each_step_works_on_its_own_batch_whatever_the_order_of_the_streams(
    sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [(number, number) for number in range(1, len(sizes) + 1)]
    for seed in range(200):
        assert trained_numbers(seed, sizes, monkeypatch) == expected


def test_a_copy_may_overlap_with_the_step_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = simulated_gpu(0, monkeypatch)
    batches = DeviceBatches(CUDA)
    kept: list[Any] = []
    for number in (1, 2, 3):
        kept.append(batches.on_device((Batch(number, 4),))[0])  # type: ignore[arg-type]
        gpu.advance(100)
    step = Event()
    gpu.steps.wait_event(step)  # the step on the third batch: it still runs
    (fourth,) = batches.on_device((Batch(4, 4),))  # type: ignore[arg-type]
    gpu.advance(100)
    assert fourth.cells == [4]  # type: ignore[attr-defined]
    assert kept[2].cells == [3]
    (fifth,) = batches.on_device((Batch(5, 4),))  # type: ignore[arg-type]
    gpu.advance(100)
    assert fifth.cells == [3]  # type: ignore[attr-defined]  # the memory of the third batch: the copy waits for the step
    step.done = True
    gpu.advance(100)
    assert fifth.cells == [5]  # type: ignore[attr-defined]


def test_a_copy_that_fails_leaves_the_stream_of_the_steps_current(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = simulated_gpu(0, monkeypatch)
    monkeypatch.setattr(Memory, "copy_", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        DeviceBatches(CUDA).on_device((Batch(1, 4),))  # type: ignore[arg-type]
    assert gpu.current is gpu.steps


def test_the_memory_of_two_batches_is_used_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated_gpu(0, monkeypatch)
    batches = DeviceBatches(CUDA)
    used = [batches.on_device((Batch(number, 4),))[0] for number in range(6)]  # type: ignore[arg-type]
    assert used[0] is used[2] is used[4]
    assert used[1] is used[3] is used[5]
    assert used[0] is not used[1]


def test_on_the_cpu_a_batch_is_used_as_it_is() -> None:
    tensor = torch.zeros(2)
    (found,) = DeviceBatches(CPU).on_device((tensor,))
    assert found is tensor
