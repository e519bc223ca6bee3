"""The rate at which memory is copied: the limit of all operations that do little arithmetic."""

from __future__ import annotations

import time

import torch

from benchmarks.harness.worker.clock import wait_for

CUDA_BYTES = 2**29  # far beyond the cache of a GPU
CPU_BYTES = 96 * 2**20
CPU_BYTES_PER_THREAD = 2**24  # large machines have more cache: this is several times a thread's share of it
REPEATS = {"cpu": 2, "cuda": 10}  # the best counts


def copy_terabytes_per_second(device: torch.device, size: int | None = None) -> float:
    """Best rate of a copy of a tensor of `size` bytes within the memory of the device, in TB/s read and written."""
    source = torch.zeros(size or copied_bytes(device), dtype=torch.uint8, device=device)
    target = torch.ones_like(source)  # written once: the copies find their pages mapped
    seconds = []
    for _ in range(REPEATS[device.type]):
        wait_for(device)
        start = time.perf_counter()
        target.copy_(source)
        wait_for(device)
        seconds.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(seconds) / 1e12


def copied_bytes(device: torch.device) -> int:
    """Bytes of the tensor that is copied. On the CPU it depends on the number of threads, which all copy."""
    if device.type == "cuda":
        return CUDA_BYTES
    return max(CPU_BYTES, CPU_BYTES_PER_THREAD * torch.get_num_threads())
