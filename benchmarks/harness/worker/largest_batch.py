"""One try of the search for the largest batch, in one rank: a few steps, within the memory limit."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

from benchmarks.harness.protocol.error_text import message_of, one_line
from benchmarks.harness.protocol.largest_batch import LargestBatchParameters, LargestBatchReport
from benchmarks.harness.protocol.stages import WARM_UP, WINDOW
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog

REFUSED_TEXTS = (
    "can't start new thread",
    "could not create a primitive",
    "could not create a memory object",
    "failed to map segment",
)
"""How Python, oneDNN and the loader of libraries report what, within a limit of memory, is a lack of it."""


def measure_largest_batch(set_up: SetUp) -> Measured:
    """Train `plan.warmup_steps` and `plan.steps` steps of this batch; raises what a lack of memory raises."""
    plan, device = set_up.plan, set_up.device
    asked = plan.parameters_as(LargestBatchParameters).memory_limit_bytes
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None
    with memory_limited(device, asked) as limit:
        trainer = set_up.trainer()
        log = StepLog(set_up.events, trainer, plan.total_steps)
        clock = StepClock(device, plan.total_steps, log)
        batches = set_up.batches(0)
        set_up.begin(WARM_UP)
        clock.begin(warmup=True)
        trainer.run(batches, plan.warmup_steps, clock)
        clock.finish()
        watch = TrainingWatch(set_up, trainer, plan.warmup_steps)
        set_up.group.barrier()
        set_up.begin(WINDOW)
        clock.begin(warmup=False)
        trainer.run(batches, plan.steps, clock)
        seconds = clock.finish()
    report = rank_report(set_up, watch, plan.steps)
    return Measured(seconds, tuple(log.records), report, LargestBatchReport(limit, free))


@contextmanager
def memory_limited(device: torch.device, asked_bytes: int | None) -> Iterator[int]:
    """Limit the memory of this process in the block, and that of the processes that it starts there. Yields the limit.

    On a GPU it is that of torch's allocator; without one asked for, it is all memory of the GPU.

    On the CPU it is a limit of the address space, which the kernel enforces at once and for this process alone. Address
    space that is reserved but not used, such as that of libraries, is no memory: what there is of it now is allowed in
    addition, so that the memory may grow from what is resident now to the limit.

    Raises:
        MemoryError: if the process uses more than that already.
    """
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        if asked_bytes is None:
            yield total
            return
        limit = min(total, asked_bytes)
        torch.cuda.set_per_process_memory_fraction(limit / total, device)
        try:
            yield limit
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, device)
        return
    assert asked_bytes is not None, "on the CPU there is always a limit"
    with _address_space_limited(asked_bytes):
        yield asked_bytes


@contextmanager
def _address_space_limited(limit: int) -> Iterator[None]:
    used = psutil.Process().memory_info()
    if used.rss >= limit:
        raise MemoryError(
            f"before its first step the process uses {used.rss} bytes of memory, and the limit is {limit}"
        )
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_least(used.vms + limit - used.rss, before[1]), before[1]))
    try:
        yield
    except (RuntimeError, OSError, ImportError) as error:
        if any(text in message_of(error) for text in REFUSED_TEXTS):
            raise MemoryError(f"within the memory limit: {one_line(error)}") from error
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _least(limit: int, hard: int) -> int:
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
