"""What PARSeq's training step asks of the GPU."""

from __future__ import annotations

import pytest

from tests.nullcuda.conftest import OnDevice

LAUNCHES = {"float32": 212, "bfloat16": 305, "float16": 305}
"""Kernels of a step of two blocks. If they become fewer, lower the bound."""


@pytest.mark.parametrize("dtype", LAUNCHES)
def test_the_step_does_not_make_the_host_wait_and_adds_and_sorts_nothing(on_device: OnDevice, dtype: str) -> None:
    counts, kernels = on_device("parseq_step:counted", dtype)
    assert 0 < counts["launches"] <= LAUNCHES[dtype], kernels
    assert {name for name in counts if name.endswith("_waits")} == set()
    assert "pageable_copies" not in counts
    assert [name for name in kernels if "embedding" in name or "sort" in name.lower()] == []
