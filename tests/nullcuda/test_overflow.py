"""fp16's gradient scaler on the device, and the peaks of memory."""

from __future__ import annotations

import pytest

from tests.nullcuda.conftest import OnDevice


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "Adagrad", "Adadelta"])
def test_skipped_steps_are_recorded_and_no_step_makes_the_host_wait(on_device: OnDevice, optimizer: str) -> None:
    found = on_device("overflow:steps", optimizer, 2)
    assert found["records"] == [[2.0**16, True], [2.0**15, True], [2.0**14, False], [2.0**14, False]]
    assert found["waits"] == 0


def test_without_an_overflow_no_step_is_skipped(on_device: OnDevice) -> None:
    assert on_device("overflow:steps", "SGD", 0)["records"] == [[2.0**16, False]] * 4


def test_a_learning_rate_on_the_gpu_is_recorded_without_a_wait(on_device: OnDevice) -> None:
    found = on_device("overflow:steps", "AdamW", 0, True)
    assert (found["rates"], found["waits"]) == ([0.1] * 4, 0)


def test_the_peak_of_the_window_is_not_that_of_the_run(on_device: OnDevice) -> None:
    """Warm-up needs more: cuDNN's search, compilation. What torch has reserved it keeps."""
    found = on_device("overflow:memory")
    assert 2**26 <= found["peak"] < 2**28
    assert 2**28 <= found["reserved"] < 2**29
    assert found["reserved"] <= found["run"]
