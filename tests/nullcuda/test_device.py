"""The null CUDA device itself: what torch sees of it, what is real on it, how errors look."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.nullcuda import build
from tests.nullcuda.build import missing
from tests.nullcuda.conftest import OnDevice
from tests.nullcuda.errors import CudaError
from tests.nullcuda.process import OnDeviceError


@pytest.mark.parametrize("tool", ["gcc", "nm"])
def test_a_machine_without_a_compiler_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == tool else f"/usr/bin/{name}")
    assert missing() == f"the null CUDA device needs {tool}, which is not installed"


def test_a_cpu_build_of_torch_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "_site_packages", lambda: tmp_path)
    assert re.fullmatch(r"the null CUDA device needs a CUDA build of torch; \S+ is not one", str(missing()))


def test_torch_sees_one_gpu(on_device: OnDevice) -> None:
    assert on_device("basics:describe") == {
        "count": 1,
        "name": "NVIDIA H100 80GB HBM3",
        "capability": [9, 0],
        "uuid": "00010203-0405-0607-0809-0a0b0c0d0e0f",
    }


def test_calls_are_counted(on_device: OnDevice) -> None:
    expected = {"launches": 1, "matmuls": 1, "cudnn_plans": 1, "copies": 1, "copied_bytes": 4000, "pageable_copies": 1}
    expected |= {"device_waits": 1, "stream_waits": 1, "event_waits": 1, "event_records": 1}
    assert expected.items() <= on_device("basics:counted").items()


def test_copies_and_fills_are_real_and_kernels_compute_nothing(on_device: OnDevice) -> None:
    found = on_device("basics:values")
    assert found["copied"] == [0, 1, 2, 3, 4, 5]
    assert found["filled"] == [7, 7, 7]
    assert found["scalar"] == 12345
    assert found["computed"] != 30


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_a_fused_optimizer_changes_every_parameter_unless_a_gradient_is_infinite(
    on_device: OnDevice, name: str
) -> None:
    assert on_device("basics:optimized", name) == {"good": True, "overflow": False, "after": True, "halved": True}


@pytest.mark.parametrize(
    ("counter", "error", "text"),
    [
        ("mallocs", CudaError.MEMORY_ALLOCATION, "OutOfMemoryError: CUDA out of memory."),
        (
            "launches",
            CudaError.ILLEGAL_ADDRESS,
            "AcceleratorError: CUDA error: an illegal memory access was encountered",
        ),
        ("launches", CudaError.ECC_UNCORRECTABLE, "AcceleratorError: CUDA error: uncorrectable ECC error encountered"),
        ("device_waits", CudaError.LAUNCH_FAILURE, "AcceleratorError: CUDA error: unspecified launch failure"),
    ],
)
def test_a_planted_error_has_its_real_text(on_device: OnDevice, counter: str, error: int, text: str) -> None:
    assert text in on_device("basics:error_text", counter, error).splitlines()[0]


@pytest.mark.parametrize(
    ("function", "limit", "message"),
    [
        ("fail", 60, r"ValueError: of the check\n\nprinted before the failure"),
        ("hang", 1, r"did not answer within 1 s(.|\n)*in hang"),
        ("die", 60, r"ended its process \(exit code -6\)(.|\n)*in die"),
    ],
)
def test_a_failure_on_the_device_is_reported_and_ends_only_its_call(
    on_device: OnDevice, function: str, limit: float, message: str
) -> None:
    on_device("basics:describe")
    with pytest.raises(OnDeviceError, match=message):
        on_device(f"basics:{function}", limit=limit)


def test_a_call_leaves_no_settings_to_the_next_one(on_device: OnDevice) -> None:
    before = on_device("basics:settings")
    changed = on_device("basics:change_settings")
    assert {name for name in before if changed[name] == before[name]} == set()
    assert on_device("basics:settings") == before


def test_the_device_answers_after_its_process_has_ended(on_device: OnDevice) -> None:
    with pytest.raises(OnDeviceError):
        on_device("basics:die")
    answer: dict[str, Any] = on_device("basics:describe")
    assert answer["count"] == 1


@pytest.mark.parametrize(
    ("name", "layers", "bidirectional", "bias"),
    [("LSTM", 1, True, True), ("LSTM", 2, True, True), ("LSTM", 2, False, False), ("GRU", 2, True, True)],
)
def test_the_weights_of_a_recurrent_layer_keep_their_values_in_one_buffer(
    on_device: OnDevice, name: str, layers: int, bidirectional: bool, bias: bool
) -> None:
    found = on_device("recurrent:on_gpu", name, layers, bidirectional, bias)
    assert found == {"kept": True, "in_one_buffer": True, "gradients": True, "recurrences": 3}


def test_optimizers_have_no_effect_if_nothing_is_to_be_computed(on_device: OnDevice) -> None:
    assert on_device("basics:idle") == [True, False]
