"""Colour jitter as PIL's ImageEnhance defines it, and maps out of bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ocr_models.detection.layers import ColourJitter, UnpackBits

MEAN = np.array((0.485, 0.456, 0.406))
STD = np.array((0.229, 0.224, 0.225))
ROUNDING = 1e-5


def brightened(pixels: np.ndarray, factor: float) -> np.ndarray:
    """`ImageEnhance.Brightness`: a blend with black."""
    return np.clip(pixels * factor, 0, 255)


def saturated(pixels: np.ndarray, factor: float) -> np.ndarray:
    """`ImageEnhance.Color`: a blend with the pixel's grey."""
    grey = (pixels @ np.array((299, 587, 114)) / 1000)[..., np.newaxis]
    blended: np.ndarray = np.clip(grey * (1 - factor) + pixels * factor, 0, 255)
    return blended


def plain_jitter(image: np.ndarray, brightness: float, saturation: float, brightness_first: float) -> np.ndarray:
    """(H, W, 3) uint8 -> (3, H, W) float64."""
    pixels = image.astype(np.float64)
    if brightness_first:
        pixels = saturated(brightened(pixels, brightness), saturation)
    else:
        pixels = brightened(saturated(pixels, saturation), brightness)
    planes: np.ndarray = ((pixels / 255 - MEAN) / STD).transpose(2, 0, 1)
    return planes


def random_images(count: int, height: int = 20, width: int = 24) -> np.ndarray:
    """With black, white and pure colours among the noise."""
    images = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    images[:, :2, :4] = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]])
    return images


def jittered(images: np.ndarray, factors: list[tuple[float, float, float]]) -> Tensor:
    found: Tensor = ColourJitter()(torch.from_numpy(images), torch.tensor(factors))
    return found


FACTORS = [(b, s, first) for b in (1 - 32 / 255, 1.0, 1 + 32 / 255) for s in (0.5, 1.0, 1.5) for first in (0.0, 1.0)]


@pytest.mark.parametrize("factors", [*FACTORS, (0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (3.0, 2.0, 1.0), (3.0, 2.0, 0.0)])
def test_jitter_is_pils_enhancement_without_rounding(factors: tuple[float, float, float]) -> None:
    images = random_images(1)
    found = jittered(images, [factors])[0].numpy()
    np.testing.assert_allclose(found, plain_jitter(images[0], *factors), rtol=0, atol=ROUNDING)


def test_each_image_has_factors_and_an_order_of_its_own() -> None:
    images = random_images(len(FACTORS))
    found = jittered(images, FACTORS).numpy()
    expected = np.stack([plain_jitter(image, *factors) for image, factors in zip(images, FACTORS, strict=True)])
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)


def test_the_order_matters_where_values_are_clamped() -> None:
    images = random_images(1).repeat(2, axis=0)
    first, second = jittered(images, [(1.1, 1.5, 1.0), (1.1, 1.5, 0.0)])
    assert (first - second).abs().max() > 0.1


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_factors_of_1_leave_normalisation_alone(first: float) -> None:
    images = random_images(2)
    expected = ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(jittered(images, [(1.0, 1.0, first)] * 2).numpy(), expected, rtol=0, atol=ROUNDING)


def test_no_saturation_is_grey() -> None:
    denormalised = jittered(random_images(1), [(1.0, 0.0, 1.0)])[0].numpy() * STD[:, None, None] + MEAN[:, None, None]
    np.testing.assert_allclose(denormalised[0], denormalised[1], atol=1e-6)
    np.testing.assert_allclose(denormalised[0], denormalised[2], atol=1e-6)
    assert denormalised[0, 0, 2] == pytest.approx(0.299, abs=1e-6)  # pure red


def test_nothing_leaves_the_range_of_a_byte() -> None:
    found = jittered(random_images(2), [(3.0, 4.0, 1.0), (3.0, 4.0, 0.0)]).numpy()
    low, high = ((limit - MEAN) / STD for limit in (0, 1))
    assert (found >= low[:, None, None] - ROUNDING).all()
    assert (found <= high[:, None, None] + ROUNDING).all()


def test_pil_agrees_but_for_its_rounding() -> None:
    enhance = pytest.importorskip("PIL.ImageEnhance")
    from PIL import Image

    image = random_images(1)[0]
    for brightness, saturation, first in FACTORS:
        enhanced = Image.fromarray(image)
        for step in ("brightness", "saturation") if first else ("saturation", "brightness"):
            kind, factor = (enhance.Brightness, brightness) if step == "brightness" else (enhance.Color, saturation)
            enhanced = kind(enhanced).enhance(factor)
        expected = (np.asarray(enhanced) / 255 - MEAN) / STD
        found = jittered(image[np.newaxis], [(brightness, saturation, first)])[0].permute(1, 2, 0).numpy()
        assert np.abs((found - expected) * STD * 255).max() < 2.6  # grey, its blend and the brightness each rounded


def test_images_come_as_float32_in_channels_last() -> None:
    found = jittered(random_images(2), [(1.1, 0.9, 1.0)] * 2)
    assert (found.shape, found.dtype) == ((2, 3, 20, 24), torch.float32)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_bytes_and_factors_stay_as_they_were() -> None:
    images, factors = torch.from_numpy(random_images(1)), torch.tensor([[1.1, 0.9, 1.0]])
    before = images.clone(), factors.clone()
    ColourJitter()(images, factors)
    assert torch.equal(images, before[0])
    assert torch.equal(factors, before[1])


def test_bits_are_unpacked_the_lowest_first() -> None:
    packed = np.random.default_rng(0).integers(0, 256, (2, 9, 11), np.uint8)
    packed[0, 0, :3] = (0, 1, 255)
    found = UnpackBits()(torch.from_numpy(packed))
    assert (found.dtype, found.shape) == (torch.bool, (2, 8, 9, 11))
    expected = np.unpackbits(packed[:, np.newaxis], axis=1, bitorder="little")
    np.testing.assert_array_equal(found.numpy(), expected.astype(bool))


@pytest.mark.parametrize("layer", [ColourJitter(), UnpackBits()])
def test_layers_have_nothing_to_learn_or_to_save(layer: torch.nn.Module) -> None:
    assert list(layer.parameters()) == []
    assert layer.state_dict() == {}
    assert len(list(layer.buffers())) > 0  # they move to the device with it


def test_as_many_maps_are_unpacked_as_asked_for() -> None:
    packed = torch.tensor([[[0, 1, 2, 4, 255]]], dtype=torch.uint8)
    maps = UnpackBits(3)(packed)
    assert maps.shape == (1, 3, 1, 5)
    assert maps[0, :, 0].int().tolist() == [[0, 1, 0, 0, 1], [0, 0, 1, 0, 1], [0, 0, 0, 1, 1]]
