"""What resizes, the loss and batch norms launch, eagerly and compiled. The bounds are what was counted, not more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nullcuda.conftest import OnDevice


@pytest.mark.parametrize(
    ("dtype", "channels_last", "autocast"),
    [("bfloat16", True, True), ("float16", True, False), ("float32", True, False), ("float32", False, True)],
)
def test_a_resize_is_one_launch_and_two_products_in_its_own_type(
    on_device: OnDevice, dtype: str, channels_last: bool, autocast: bool
) -> None:
    found = on_device("resizing:eager_resize", dtype, channels_last, autocast)
    assert (found["launches"], found["matmuls"], found["copies"]) == (1, 2, 0)
    assert not any("backward" in kernel for kernel in found["kernels"])  # torch's own, of atomic additions
    assert found["types"] == [dtype, dtype]
    assert found["kept_formats"]


def test_launches_and_passes_of_the_loss(on_device: OnDevice) -> None:
    """A pass is one reading or writing of the (N, 7, H, W) logits in float32."""
    found = on_device("resizing:eager_loss", 2, 128)
    assert found["launches"] <= 216
    assert found["passes"] <= 32.7


def test_batches_are_counted_in_one_launch(on_device: OnDevice) -> None:
    assert on_device("resizing:counting_launches") == 1


@pytest.mark.slow
def test_compiled_resizes_add_nothing_atomically_and_compute_no_positions(on_device: OnDevice) -> None:
    found: dict[str, Any] = on_device("resizing:compiled_code", "bf16", limit=280)
    assert found == {"atomics": 0, "gradients": 3, "index_kernels": [], "counting": 1}


@pytest.mark.slow
def test_cuda_graphs_contain_no_weights(on_device: OnDevice) -> None:
    """Their memory would be reused by the next replay; torch raises an error if anything else lies in it."""
    found = on_device("resizing:graphed", limit=280)
    assert found == {"kept": [2] * 5, "graph_launches": 2}
