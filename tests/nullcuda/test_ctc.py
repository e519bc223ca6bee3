"""What CRNN's loss asks of the GPU."""

from __future__ import annotations

import pytest

from tests.nullcuda.conftest import OnDevice

LAUNCHES = {("float32", 26): 127, ("float32", 65): 244, ("float16", 26): 129, ("float64", 26): 126}
"""Kernels of forward and backward by type of the logits and number of time steps: three per step, and some once. If
they become fewer, lower the bound."""


@pytest.mark.parametrize(("dtype", "steps"), LAUNCHES)
def test_ctc_does_not_make_the_host_wait_and_launches_no_more_kernels_than_recorded(
    on_device: OnDevice, dtype: str, steps: int
) -> None:
    counts = on_device("ctc:counted", dtype, steps)
    assert 0 < counts["launches"] <= LAUNCHES[dtype, steps]
    assert {name for name in counts if name.endswith("_waits")} == set()
    assert "pageable_copies" not in counts


def test_ctc_does_not_make_the_host_wait_under_autocast(on_device: OnDevice) -> None:
    assert on_device("ctc:counted", "float16", 26, True)["launches"] > 0


def test_torchs_own_ctc_makes_the_host_wait(on_device: OnDevice) -> None:
    """The reason for the one of this project: if torch's no longer waits, compare both again."""
    assert on_device("ctc:native_waits") > 0
