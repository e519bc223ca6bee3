"""What a rank reports beside its steps, found out after the measured window, off the clock."""

from __future__ import annotations

import copy
import hashlib
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cases import Case
from benchmarks.harness.clock import wait_for
from benchmarks.harness.environment import describe_environment, device_name
from benchmarks.harness.gpus import gpu_state
from benchmarks.harness.precision import precision_in_force, working_dtype
from ocr_models.task import TrainingTask

MATMUL_SIZE = {"cpu": 4096, "cuda": 8192}
MATMUL_PROBE_SIZE = 512
MATMUL_SECONDS = 5.0  # more than that for one product, as in fp16 on many a CPU, and a smaller one has to do
MATMUL_REPEATS = {"cpu": 2, "cuda": 20}  # the first is slower than the rest; the best counts


@dataclass
class Synchronisations:
    """How often torch made the host wait for the GPU."""

    count: int = 0


@contextmanager
def counted_synchronisations(device: torch.device) -> Iterator[Synchronisations | None]:
    """Count the calls in which torch makes the host wait for the GPU; each is also warned of once in the train log."""
    if device.type != "cuda":
        yield None
        return
    counter = Synchronisations()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield counter
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found = [str(warning.message) for warning in caught]
    counter.count = sum("synchronizing CUDA operation" in message for message in found)
    for message in dict.fromkeys(found):
        print(f"warning in the measured window: {message}", file=sys.stderr, flush=True)


def rank_report(case: Case, task: TrainingTask, image_size: int, device: torch.device, rank: int) -> dict[str, Any]:
    """Of every rank: peak memory, matmul rate, what of its parameters must agree. Of rank 0 also what all share."""
    cuda = device.type == "cuda"
    report: dict[str, Any] = {
        "peak_memory_bytes": peak_memory_bytes(device),
        "device_state": gpu_state(f"GPU-{torch.cuda.get_device_properties(device).uuid}") if cuda else None,
        "parameters_sha256": parameters_sha256(task.model) if case.mode == "mp" else None,
        "matmul_tflops": matmul_tflops(device, working_dtype(case)),
    }
    if rank == 0:
        report["flops_per_sample"] = flops_per_sample(task.model, image_size)
        report["gradient_bytes"] = sum(p.numel() * p.element_size() for p in task.model.parameters() if p.requires_grad)
        report["precision"] = precision_in_force(case)
        report["device"] = device_name(device)
        report["environment"] = describe_environment(device)
    return report


def peak_memory_bytes(device: torch.device) -> int:
    """Of the GPU's memory what torch had in use at most; on the CPU what this process had resident at most."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024


def parameters_sha256(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def flops_per_sample(model: nn.Module, image_size: int) -> int:
    """Floating-point operations of forward and backward of one sample: matrix products and convolutions, a
    multiply-add counting two. Counted on the meta device, which computes shapes only."""
    shapes = copy.deepcopy(model).to("meta")
    with FlopCounterMode(display=False) as counter:
        shapes(torch.empty(1, 3, image_size, image_size, device="meta")).sum().backward()
    return int(counter.get_total_flops())


def matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """What a large square matrix product of random numbers reaches here and now, in TFLOP/s: the best of several."""
    size = MATMUL_SIZE[device.type]
    probe_seconds = _matmul_seconds(device, dtype, MATMUL_PROBE_SIZE, repeats=2)
    while size > MATMUL_PROBE_SIZE and probe_seconds * (size / MATMUL_PROBE_SIZE) ** 3 > MATMUL_SECONDS:
        size //= 2
    return 2 * size**3 / _matmul_seconds(device, dtype, size, MATMUL_REPEATS[device.type]) / 1e12


def _matmul_seconds(device: torch.device, dtype: torch.dtype, size: int, repeats: int) -> float:
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    product = torch.empty_like(a)
    seconds = []
    for _ in range(repeats):
        wait_for(device)
        start = time.perf_counter()
        torch.matmul(a, b, out=product)
        wait_for(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
