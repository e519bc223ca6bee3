"""What DB's loss asks of the GPU."""

from __future__ import annotations

import pytest

from tests.nullcuda.conftest import OnDevice

LAUNCHES = {"float32": 200, "float16": 200, "float64": 200}
"""Kernels of forward and backward. If they become fewer, lower the bound."""


@pytest.mark.parametrize("dtype", LAUNCHES)
def test_the_loss_does_not_make_the_host_wait_and_launches_no_more_kernels_than_recorded(
    on_device: OnDevice, dtype: str
) -> None:
    counts = on_device("db_loss:counted", dtype)
    print(counts)
    assert 0 < counts["launches"] <= LAUNCHES[dtype]
    assert {name for name in counts if name.endswith("_waits")} == set()
    assert "pageable_copies" not in counts
