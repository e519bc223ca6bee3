"""Errors of CUDA, its driver and its libraries, as torch words them, in every stage: kind, and one line of advice."""

from __future__ import annotations

import pytest
import torch
from torch._utils import ExceptionWrapper

from benchmarks.harness.protocol.error_text import is_of_lost_peer, one_line
from benchmarks.harness.protocol.events import ReportError
from benchmarks.harness.worker.exceptions import DeviceError, failure_kind
from ocr_models.errors import DataError

XID, BLOCKING, FIT, BUSY, VISIBLE = "Xid", "CUDA_LAUNCH_BLOCKING=1", "must fit each other", "another process", "VISIBLE"

FIRST_LINES = {
    "CUDA error: an illegal memory access was encountered": BLOCKING,
    "CUDA error: device-side assert triggered": BLOCKING,
    "CUDA error: misaligned address": BLOCKING,
    "CUDA error: uncorrectable ECC error encountered": XID,
    "CUDA error: unspecified launch failure": XID,
    "CUDA error: the launch timed out and was terminated": XID,
    "CUDA error: hardware stack error": XID,
    "CUDA error: uncorrectable NVLink error detected during the execution": XID,
    "CUDA error: GPU is lost": XID,
    "CUDA error: unknown error": XID,
    "CUDA unknown error - this may be due to an incorrectly set up environment": XID,
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`": XID,
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`": XID,
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED": XID,
    "cuDNN error: CUDNN_STATUS_MAPPING_ERROR": XID,
    "CUDA driver error: an illegal memory access was encountered": BLOCKING,
    "Triton Error [CUDA]: an illegal memory access was encountered": BLOCKING,
    "CUDA error: CUDA-capable device(s) is/are busy or unavailable": BUSY,
    "CUDA error: all CUDA-capable devices are busy or unavailable": BUSY,
    "CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server": BUSY,
    "CUDA error: no kernel image is available for execution on the device": FIT,
    "CUDA error: CUDA driver version is insufficient for CUDA runtime version": FIT,
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver": FIT,
    "The NVIDIA driver on your system is too old (found version 12040).": FIT,
    "Torch not compiled with CUDA enabled": FIT,
    "No CUDA GPUs are available": VISIBLE,
    "CUDA error: invalid device ordinal": VISIBLE,
    "Process group watchdog thread terminated with exception: CUDA error: unspecified launch failure": XID,
    "NCCL error in: NCCLUtils.cpp:94, unhandled cuda error (run with NCCL_DEBUG=INFO for details)": XID,
}
"""Text of an error -> a part of what it advises."""

MORE_LINES = """
Search for `cudaErrorIllegalAddress' in https://docs.nvidia.com/cuda for more information.
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""


def in_another_thread(error: Exception, where: str) -> BaseException:
    """As torch raises an error of a loader process or of the thread that pins its batches."""
    try:
        raise error
    except Exception:
        wrapper = ExceptionWrapper(where=where)
    with pytest.raises(type(error)) as raised:
        wrapper.reraise()
    return raised.value


@pytest.mark.parametrize("stage", ["set-up", "data", "forward", "optimizer", "probes"])
@pytest.mark.parametrize(("text", "advice"), FIRST_LINES.items(), ids=list(FIRST_LINES))
def test_an_error_of_cuda_is_one_of_the_device_in_every_stage(text: str, advice: str, stage: str) -> None:
    error = RuntimeError(text + MORE_LINES.rstrip())
    assert failure_kind(error, stage) == "device"
    line = one_line(error)
    assert line.startswith(f"RuntimeError: {text}")
    assert advice in line
    assert "\n" not in line


@pytest.mark.parametrize("where", ["in pin memory thread for device 0", "in DataLoader worker process 1"])
@pytest.mark.parametrize(
    ("error", "kind", "line"),
    [
        (
            torch.AcceleratorError("CUDA error: an illegal memory access was encountered" + MORE_LINES),
            "device",
            "AcceleratorError: CUDA error: an illegal memory access was encountered; CUDA_LAUNCH_BLOCKING=1",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried\nMore"),
            "out_of_memory",
            "OutOfMemoryError: CUDA out of memory",
        ),
        (RuntimeError("shapes differ\nin several\nlines"), "data", "RuntimeError: shapes differ"),
        (MemoryError(), "out_of_memory", "MemoryError"),
        (DataError("CUDA error.jpg: truncated"), "data", "DataError: CUDA error.jpg: truncated"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_of_another_thread_or_process_is_the_original_one(
    error: Exception, kind: str, line: str, where: str
) -> None:
    raised = in_another_thread(error, where)
    assert one_line(raised).startswith(line)
    assert failure_kind(raised, "data") == kind


def test_a_library_that_reports_no_memory_gets_no_advice_about_hardware() -> None:
    for text in ("CUDA error: out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"):
        assert one_line(RuntimeError(text)) == f"RuntimeError: {text}"


@pytest.mark.parametrize(
    ("error", "stage", "kind"),
    [
        (torch.AcceleratorError("a text that nobody knows"), "data", "device"),
        (DeviceError("psenet_sp_bs8_fp32_1 needs CUDA"), "set-up", "device"),
        (DataError("img CUDA error 1.jpg: truncated"), "data", "data"),
        (DataError("img out of memory 1.jpg: truncated"), "data", "data"),
        (DataError("img wait timeout after 1.jpg: truncated"), "data", "data"),
        (ReportError("CUDA error.jsonl cannot be written: No space left on device"), "forward", "output"),
        (RuntimeError("Timed out after 30 s of a download"), "data", "data"),
        (RuntimeError("Timed out after 601 seconds waiting for clients. 1/2 clients joined."), "set-up", "hang"),
        (ValueError("a bug in cuda_model.py"), "forward", "exception"),
        (RuntimeError("called a synchronizing CUDA operation"), "forward", "exception"),
        (
            RuntimeError("out of resource: shared memory, Required: 131072, Hardware limit: 101376"),
            "forward",
            "exception",
        ),
        (
            RuntimeError(
                "Unexpected bus error encountered in worker. This might be caused by insufficient shared memory"
            ),
            "forward",
            "data",
        ),
        (
            RuntimeError("Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3, OpType=ALLREDUCE)"),
            "backward",
            "hang",
        ),
        (RuntimeError("[gloo] Timed out waiting 900000ms for recv operation to complete"), "backward", "hang"),
        (RuntimeError("wait timeout after 300000ms, keys: /ranks//0"), "set-up", "hang"),
        (RuntimeError("NCCL error: unhandled system error"), "set-up", "exception"),
    ],
    ids=str,
)
def test_what_only_looks_like_it(error: Exception, stage: str, kind: str) -> None:
    assert failure_kind(error, stage) == kind


def test_the_name_of_a_file_brings_no_advice() -> None:
    assert one_line(DataError("CUDA error.jpg: truncated")) == "DataError: CUDA error.jpg: truncated"


@pytest.mark.parametrize(
    "text",
    [
        "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.",
        "failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown or crash?",
        "NCCL communicator was aborted on rank 1.",
    ],
)
def test_a_lost_peer_is_recognised(text: str) -> None:
    assert is_of_lost_peer(text)


@pytest.mark.parametrize(
    ("free", "expected"), [(0, "out_of_memory"), (2 * 2**30, "out_of_memory"), (40 * 2**30, "exception")]
)
def test_cudnn_finds_no_plan_for_lack_of_memory_only_if_the_gpu_is_full(
    monkeypatch: pytest.MonkeyPatch, free: int, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 80 * 2**30))
    text = "FIND was unable to find an engine to execute this computation after trying 4 plans."
    assert failure_kind(RuntimeError(text), "forward") == expected


@pytest.mark.parametrize(("free", "expected"), [(0, "out_of_memory"), (40 * 2**30, "device")])
def test_cublas_cannot_start_on_a_full_gpu(monkeypatch: pytest.MonkeyPatch, free: int, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 80 * 2**30))
    text = "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"
    assert failure_kind(RuntimeError(text), "forward") == expected
