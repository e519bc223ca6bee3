"""The memory limit of a try, on the CPU for real. That of a GPU: tests/nullcuda/test_largest_batch.py."""

from __future__ import annotations

import resource

import psutil
import pytest
import torch

from benchmarks.harness.worker.exceptions import failure_kind
from benchmarks.harness.worker.largest_batch import memory_limited

CPU = torch.device("cpu")
ROOM = 2**28


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def test_what_exceeds_the_limit_is_refused_and_the_limit_ends_with_the_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with memory_limited(CPU, resident() + ROOM) as limit:
        assert torch.empty(ROOM // 4, dtype=torch.uint8).numel() == ROOM // 4
        with pytest.raises(RuntimeError, match="can't allocate memory") as refused:
            torch.empty(2 * ROOM, dtype=torch.uint8)
        assert resident() < limit
    assert failure_kind(refused.value, "forward") == "out_of_memory"
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert torch.empty(2 * ROOM, dtype=torch.uint8).numel() == 2 * ROOM


def test_a_process_that_uses_more_than_the_limit_has_no_memory_for_a_step() -> None:
    with pytest.raises(MemoryError, match="before its first step the process uses"), memory_limited(CPU, 2**20):
        pytest.fail("the block ran")


@pytest.mark.parametrize("text", ["can't start new thread", "could not create a primitive"])
def test_what_the_system_refuses_within_a_limit_is_a_lack_of_memory(text: str) -> None:
    refused = pytest.raises(MemoryError, match=f"within the memory limit: RuntimeError: {text}")
    with refused, memory_limited(CPU, resident() + ROOM):
        raise RuntimeError(text)


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="sizes"), memory_limited(CPU, resident() + ROOM):
        raise RuntimeError("sizes do not match")
