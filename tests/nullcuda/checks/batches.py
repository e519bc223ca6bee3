"""Batches on their way to the device."""

from __future__ import annotations

from typing import Any
from unittest import mock

import torch

from benchmarks.harness.worker.device_batches import DeviceBatches
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait

CUDA = torch.device("cuda", 0)


def copied(numbers: list[int]) -> dict[str, Any]:
    """Pinned batches of these numbers: what arrives, in which memory, on which stream, and what the host does."""
    batches = DeviceBatches(CUDA)
    pinned = [torch.full((2, 3, 8, 8), number, dtype=torch.uint8).pin_memory() for number in numbers]
    first = batches.on_device((pinned[0],))[0].data_ptr()
    streams = set()
    copy = torch.Tensor.copy_

    def noted(self: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        streams.add(torch.cuda.current_stream(CUDA).cuda_stream)
        return copy(self, *arguments, **options)

    with mock.patch.object(torch.Tensor, "copy_", noted):
        batches.on_device((pinned[1],))
        device.reset()
        with no_host_wait():
            found = [batches.on_device((each,))[0] for each in pinned[2:]]
    counts = device.counts()
    return {
        "counts": counts,
        "values": [sorted(set(each.flatten().tolist())) for each in found[-2:]],
        "in_turns": [each.data_ptr() == first for each in found],
        "own_stream": torch.cuda.current_stream(CUDA).cuda_stream not in streams and len(streams) == 1,
    }
