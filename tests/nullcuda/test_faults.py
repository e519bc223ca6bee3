"""Errors of CUDA in every stage of a training, as a rank reports them: the kind, one line with advice, and no hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.controller.abort import AbortReader
from tests.nullcuda.conftest import OnDevice
from tests.nullcuda.errors import EVERY, CublasStatus, CudaError, CudnnStatus
from tests.nullcuda.process import OnDeviceError

STAGES = ("data", "forward", "backward", "optimizer", "probes")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CudaError.ILLEGAL_ADDRESS, "CUDA error: an illegal memory access was encountered; CUDA_LAUNCH_BLOCKING=1"),
        (CudaError.ASSERT, "CUDA error: device-side assert triggered; CUDA_LAUNCH_BLOCKING=1"),
        (CudaError.ECC_UNCORRECTABLE, "CUDA error: uncorrectable ECC error encountered; look for Xid"),
        (CudaError.LAUNCH_FAILURE, "CUDA error: unspecified launch failure; look for Xid"),
        (CudaError.UNKNOWN, "CUDA error: unknown error; look for Xid"),
    ],
    ids=lambda value: value.name if isinstance(value, CudaError) else "",
)
def test_a_gpu_that_fails_is_the_cause_in_every_stage(
    on_device: OnDevice, image_folder: Path, stage: str, error: CudaError, text: str
) -> None:
    counter, times = ("launches", 1) if error.destroys_context else ("launches", EVERY)
    kind, line, _ = on_device("faults:failure", stage, counter, 1, error, times, str(image_folder))
    assert kind == "device"
    assert line.startswith(f"AcceleratorError: {text}"), line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("stage", "counter", "error", "kind", "text"),
    [
        ("pin", "pinned_mallocs", CudaError.ILLEGAL_ADDRESS, "device", "CUDA error: an illegal memory access"),
        ("pin", "pinned_mallocs", CudaError.MEMORY_ALLOCATION, "out_of_memory", "out of memory"),
        ("data", "mallocs", CudaError.MEMORY_ALLOCATION, "out_of_memory", ""),  # of torch, or
        ("forward", "mallocs", CudaError.MEMORY_ALLOCATION, "out_of_memory", ""),  # cuDNN, which finds no plan
        ("probes", "mallocs", CudaError.MEMORY_ALLOCATION, "out_of_memory", "CUDA out of memory"),
        ("forward", "cudnn_plans", CudnnStatus.DEVICE_ALLOCATION_FAILED, "out_of_memory", ""),
        ("forward", "cudnn_plans", CudnnStatus.EXECUTION_FAILED, "device", "CUDNN_STATUS_EXECUTION_FAILED"),
        ("probes", "matmuls", CublasStatus.EXECUTION_FAILED, "device", "CUBLAS_STATUS_EXECUTION_FAILED"),
        ("probes", "matmuls", CublasStatus.ALLOC_FAILED, "out_of_memory", "CUBLAS_STATUS_ALLOC_FAILED"),
        ("forward", "copies", CudaError.DEVICES_UNAVAILABLE, "device", "busy or unavailable; another process"),
        ("optimizer", "overflows", 0, None, None),
    ],
)
def test_each_library_has_its_own_words(
    on_device: OnDevice, image_folder: Path, stage: str, counter: str, error: int, kind: str | None, text: str | None
) -> None:
    found, line, _ = on_device("faults:failure", stage, counter, 1, error, EVERY, str(image_folder))
    assert found == kind, line
    assert (line is None) if text is None else (text in line and "\n" not in line)


def test_an_error_that_aborts_the_process_is_read_from_what_torch_prints(on_device: OnDevice) -> None:
    with pytest.raises(OnDeviceError, match="ended its process") as ended:
        on_device("faults:free_of_a_pinned_tensor_fails")
    reader = AbortReader()
    for line in str(ended.value).splitlines():
        reader.read(line)
    assert reader.kind == "device"
    assert reader.line is not None
    assert reader.line.startswith("AcceleratorError: CUDA error: unknown error; look for Xid")
