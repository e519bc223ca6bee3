"""What CRNN's loss asks of the GPU."""

from __future__ import annotations

import pytest

from tests.nullcuda.conftest import OnDevice

LAUNCHES = {("float32", 26): 127, ("float32", 65): 244, ("float16", 26): 129, ("float64", 26): 126}
"""Kernels of forward and backward by type of the logits and number of time steps: three per step, and some once. If
they become fewer, lower the bound."""


@pytest.mark.parametrize(("dtype", "steps"), LAUNCHES)
def test_ctc_launches_no_more_kernels_than_recorded(on_device: OnDevice, dtype: str, steps: int) -> None:
    assert 0 < on_device("ctc:launches", dtype, steps) <= LAUNCHES[dtype, steps]


def test_torchs_own_ctc_makes_the_host_wait(on_device: OnDevice) -> None:
    """The reason for the one of this project: if torch's no longer waits, compare both again."""
    assert on_device("ctc:native_waits") > 0
