from __future__ import annotations

import pytest
import torch

from benchmarks.harness.worker.probes import matmul
from benchmarks.harness.worker.probes.matmul import matmul_tflops

CPU = torch.device("cpu")


def sizes_and_rate(monkeypatch: pytest.MonkeyPatch, rate_flops: float) -> tuple[list[int], float]:
    """The sizes of the products on a machine of this rate, and the rate that is found."""
    sizes: list[int] = []

    def seconds(device: torch.device, dtype: torch.dtype, size: int, repeats: int) -> float:
        sizes.append(size)
        return 2 * size**3 / rate_flops

    monkeypatch.setattr(matmul, "_best_seconds", seconds)
    return sizes, matmul_tflops(CPU, torch.float32)


def test_the_rate_is_that_of_a_large_product(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, rate = sizes_and_rate(monkeypatch, 0.5e12)
    assert sizes == [matmul.PROBE_SIZE, matmul.SIZE["cpu"]]
    assert rate == pytest.approx(0.5)


@pytest.mark.parametrize(("rate_flops", "size"), [(20e9, 2048), (2e9, 1024), (1e6, 512)])
def test_a_slow_product_is_a_smaller_one(monkeypatch: pytest.MonkeyPatch, rate_flops: float, size: int) -> None:
    sizes, rate = sizes_and_rate(monkeypatch, rate_flops)
    assert sizes[-1] == size
    assert rate == pytest.approx(rate_flops / 1e12)


def test_a_real_product_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matmul.SIZE, "cpu", 512)
    assert 0 < matmul_tflops(CPU, torch.float32) < 1000
