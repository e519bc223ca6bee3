"""The rate of a large matrix product: the limit that training is compared with (docs/decisions)."""

from __future__ import annotations

import time

import torch

from benchmarks.harness.worker.clock import wait_for

SIZE = {"cpu": 4096, "cuda": 8192}
PROBE_SIZE = 512
MAX_SECONDS = 5.0  # for one product; above that, as in fp16 on many CPUs, a smaller one is taken
HELD_SECONDS = 2.0  # long enough for the power limit of a GPU to lower its clock
MAX_HELD_PRODUCTS = 5000
REPEATS = {"cpu": 2, "cuda": 20}  # the first is slower than the rest; the best counts


def matmul_tflops(device: torch.device, dtype: torch.dtype, size: int | None = None) -> float:
    """Best rate of a square product of random matrices of `size` rows, in TFLOP/s."""
    size = size or SIZE[device.type]
    probe_seconds = _best_seconds(device, dtype, PROBE_SIZE, repeats=2)
    while size > PROBE_SIZE and probe_seconds * (size / PROBE_SIZE) ** 3 > MAX_SECONDS:
        size //= 2
    return 2 * size**3 / _best_seconds(device, dtype, size, REPEATS[device.type]) / 1e12


def held_matmul_tflops(
    device: torch.device,
    dtype: torch.dtype,
    burst_tflops: float,
    size: int | None = None,
    seconds: float = HELD_SECONDS,
) -> float | None:
    """Mean rate of products without a pause for about so many seconds, in TFLOP/s; None on the CPU.

    A GPU that reaches its limit of power or heat is slower than in a burst, and so is a training.
    """
    if device.type == "cpu":
        return None
    size = size or SIZE[device.type]
    count = max(1, min(MAX_HELD_PRODUCTS, int(seconds * burst_tflops * 1e12 / (2 * size**3))))
    a, b, product = _operands(device, dtype, size)
    wait_for(device)
    start = time.perf_counter()
    for _ in range(count):
        torch.matmul(a, b, out=product)
    wait_for(device)
    return 2 * size**3 * count / (time.perf_counter() - start) / 1e12


def _operands(device: torch.device, dtype: torch.dtype, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two random matrices, and one for their product."""
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    return a, b, torch.empty_like(a)


def _best_seconds(device: torch.device, dtype: torch.dtype, size: int, repeats: int) -> float:
    a, b, product = _operands(device, dtype, size)
    seconds = []
    for _ in range(repeats):
        wait_for(device)
        start = time.perf_counter()
        torch.matmul(a, b, out=product)
        wait_for(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
