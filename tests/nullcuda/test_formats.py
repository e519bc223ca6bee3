"""The memory format of a step on a GPU, and the size of its tensors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nullcuda.conftest import OnDevice

PIXELS = 128


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@pytest.mark.parametrize(
    ("chosen", "expected"), [("own", "channels_last"), ("channels_last", "channels_last"), ("contiguous", "contiguous")]
)
def test_a_step_has_one_memory_format_from_its_inputs_to_the_optimizer(
    on_device: OnDevice, image_folder: Path, precision: str, chosen: str, expected: str
) -> None:
    if chosen == "own" and precision == "fp32":
        expected = "contiguous"
    found = on_device("formats:formats", f"psenetr18_sp_bs2_{precision}_1", str(image_folder), PIXELS, chosen)
    assert found == dict.fromkeys(("weights", "inputs", "gradients", "optimizer"), expected)


@pytest.mark.parametrize(("precision", "value_bytes"), [("tf32", 4), ("bf16", 2), ("fp16", 2)])
def test_no_tensor_is_larger_than_the_output_of_the_stem(
    on_device: OnDevice, image_folder: Path, precision: str, value_bytes: int
) -> None:
    """The concatenation of all levels would have twice as many values, and four times the bytes in half precision. In
    planes, as in fp32, it is made.
    """
    found = on_device("formats:largest", f"psenet_sp_bs8_{precision}_1", str(image_folder), PIXELS)
    stem = 8 * 128 * (PIXELS // 2) ** 2 * value_bytes
    weight = 512 * 512 * 9 * 4  # of the last stage: as large, at so few pixels
    assert found["bytes"] <= max(stem, weight), found
