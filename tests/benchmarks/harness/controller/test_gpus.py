"""Which GPUs a process would see. The driver is a fake, because the machine may have none."""

from __future__ import annotations

import pynvml
import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller import gpus


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("visible", "count"),
    [
        (None, 4),
        ("", 0),
        ("2", 1),
        ("0,3", 2),
        ("0,7,1", 1),  # CUDA ignores the first that does not exist and all after it
        ("-1", 0),
        ("0,0", 1),
        ("NoDevFiles", 0),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6,MIG-41b35aa5", 2),
    ],
)
def test_visible_gpus_are_counted_as_cuda_does(
    visible: str | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.cuda_gpu_count() == count


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert gpus.cuda_gpu_count() == 0


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("case", "nodes", "reason"),
    [
        ("psenet_sp_bs8_fp32_1", 1, None),
        ("psenet_mp_bs64_fp32_8", 1, "needs 8 CUDA GPUs, found 4"),
        ("psenet_mp_bs64_fp32_8", 2, None),
        ("psenet_mp_bs64_fp32_16", 2, "needs 8 CUDA GPUs a node, found 4"),
        ("psenet_mp_bs64_fp32_8", 3, "8 processes cannot be divided among 3 nodes"),
        ("psenet_mp_bs4_fp32_cpu2", 1, None),
    ],
)
def test_the_gpus_that_a_case_misses_are_counted(case: str, nodes: int, reason: str | None) -> None:
    assert gpus.missing_gpus(parse_case(case), nodes) == reason
