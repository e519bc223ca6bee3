"""What DB's loss asks of the GPU."""

from __future__ import annotations

import pytest

from tests.nullcuda.conftest import OnDevice

LAUNCHES = {"float32": 217, "float16": 219, "float64": 315}
"""Kernels of forward and backward, most of them of the selection of the hardest negatives. If they become fewer, lower
the bound."""


@pytest.mark.parametrize("dtype", LAUNCHES)
def test_the_loss_does_not_make_the_host_wait_and_launches_no_more_kernels_than_recorded(
    on_device: OnDevice, dtype: str
) -> None:
    counts = on_device("db_loss:counted", dtype)
    assert 0 < counts["launches"] <= LAUNCHES[dtype]
    assert {name for name in counts if name.endswith("_waits")} == set()
    assert "pageable_copies" not in counts
