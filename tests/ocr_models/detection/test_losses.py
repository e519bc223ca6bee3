"""Dice loss and scores, against plain implementations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ocr_models.detection import losses
from ocr_models.detection.counting import count_pixels
from ocr_models.detection.losses import dice_loss, two_class_iou

# dice loss


def plain_dice(logits: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
    """The formula of the recipe; autograd computes its gradient."""
    m, t = masks.to(logits.dtype), targets.to(logits.dtype)
    p = logits.sigmoid()
    overlap = (p * t * m).sum((-2, -1))
    return 1 - 2 * overlap / ((p * m).square().sum((-2, -1)) + 0.001 + (t * m).square().sum((-2, -1)) + 0.001)


def dice_inputs(seed: int, shape: tuple[int, ...] = (2, 3, 5, 6), scale: float = 3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    targets = torch.rand(shape, generator=generator) < 0.4
    masks = torch.rand(shape, generator=generator) < 0.7
    masks[0, :1] = False  # a map without pixels
    targets[0, 1:2] = False
    targets[-1, -1] = masks[-1, -1] = True
    return logits, targets, masks


def loss_and_gradient(
    loss: object, logits: Tensor, targets: Tensor, masks: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    logits = logits.detach().clone().requires_grad_()
    values = loss(logits, targets, masks)  # type: ignore[operator]
    (values * weights).sum().backward()
    assert logits.grad is not None
    return values.detach(), logits.grad


@pytest.mark.parametrize("on_a_gpu", [False, True])
@pytest.mark.parametrize("scale", [0.1, 3, 30])
def test_dice_and_its_gradient_are_those_of_the_formula(
    monkeypatch: pytest.MonkeyPatch, scale: float, on_a_gpu: bool
) -> None:
    monkeypatch.setattr(losses, "on_accelerator", lambda tensor: on_a_gpu)
    inputs = dice_inputs(0, scale=scale)
    weights = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    found, gradient = loss_and_gradient(dice_loss, *inputs, weights)
    expected, expected_gradient = loss_and_gradient(plain_dice, *inputs, weights)
    assert found.dtype == gradient.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-9, atol=1e-14)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_dice_is_that_of_finite_differences(seed: int) -> None:
    logits, targets, masks = dice_inputs(seed, (1, 2, 3, 4), scale=1)
    assert torch.autograd.gradcheck(lambda x: dice_loss(x, targets, masks), logits.requires_grad_())


@pytest.mark.parametrize("shape", [(2, 7, 40, 56), (1, 1, 1, 1), (3, 2, 1, 9)])
def test_all_maps_at_once_give_what_one_after_another_gives(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    logits, targets, masks = dice_inputs(1, shape)
    inputs = (logits.float(), targets, masks, torch.rand(shape[:2]))
    piecewise = loss_and_gradient(dice_loss, *inputs)
    monkeypatch.setattr(losses, "on_accelerator", lambda tensor: True)
    for found, expected in zip(loss_and_gradient(dice_loss, *inputs), piecewise, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("on_a_gpu", [False, True])
def test_dice_is_the_same_under_autocast(monkeypatch: pytest.MonkeyPatch, on_a_gpu: bool) -> None:
    monkeypatch.setattr(losses, "on_accelerator", lambda tensor: on_a_gpu)
    logits, targets, masks = dice_inputs(2, (2, 3, 40, 50))
    inputs = (logits.float(), targets, masks, torch.rand(2, 3))
    plain = loss_and_gradient(dice_loss, *inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss_and_gradient(dice_loss, *inputs)
    for a, b in zip(found, plain, strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b)


def test_dice_sums_are_taken_outside_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which operations autocast computes in half precision depends on the device: here it must be none."""
    seen: list[bool] = []

    def look(*maps: Tensor) -> tuple[Tensor, ...]:
        seen.append(torch.is_autocast_enabled("cpu"))
        return sums(*maps)

    sums = losses._dice_sums
    monkeypatch.setattr(losses, "_dice_sums", look)
    logits, targets, masks = dice_inputs(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dice_loss(logits.float(), targets, masks)
    assert seen == [False] * 6


def test_dice_takes_maps_in_any_memory_layout() -> None:
    logits, targets, masks = dice_inputs(3)
    weights = torch.ones(2, 3, dtype=torch.float64)
    expected = loss_and_gradient(dice_loss, logits, targets, masks, weights)
    strided = logits.to(memory_format=torch.channels_last)
    one_mask = masks[:, :1].expand_as(masks)
    found = loss_and_gradient(dice_loss, strided, targets.to(memory_format=torch.channels_last), masks, weights)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(
        dice_loss(logits, targets, one_mask), plain_dice(logits, targets, one_mask), rtol=1e-12, atol=1e-12
    )


def test_dice_of_perfect_empty_and_wrong_maps() -> None:
    targets = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    targets[..., :2] = True
    everywhere = torch.ones_like(targets)
    certain = torch.where(targets, 100.0, -100.0)
    assert dice_loss(certain, targets, everywhere).item() == pytest.approx(1 - 16 / 16.002, abs=1e-6)
    assert dice_loss(-certain, targets, everywhere).item() == pytest.approx(1, abs=1e-6)
    assert dice_loss(certain, targets, ~everywhere).item() == 1
    half = torch.zeros(1, 1, 4, 4)
    assert dice_loss(half, targets, everywhere).item() == pytest.approx(1 - 2 * 4 / (4 + 8 + 0.002), abs=1e-6)


def test_the_gradient_is_zero_outside_the_mask() -> None:
    logits, targets, masks = dice_inputs(4)
    _, gradient = loss_and_gradient(dice_loss, logits, targets, masks, torch.ones(2, 3, dtype=torch.float64))
    assert not gradient[~masks].any()
    assert gradient[1][masks[1]].all()


# scores


def test_two_class_iou_by_hand() -> None:
    predicted = torch.tensor([[[1, 1, 0, 0], [1, 0, 0, 1]]], dtype=torch.bool)
    target = torch.tensor([[[1, 0, 0, 0], [1, 1, 0, 1]]], dtype=torch.bool)
    mask = torch.tensor([[[1, 1, 1, 1], [1, 1, 1, 0]]], dtype=torch.bool)
    # text: 2 of 4 pixels, the rest: 3 of 5; the pixel on which all agree lies outside the mask
    found = two_class_iou(predicted, target, mask)
    assert (found.dtype, found.shape) == (torch.float32, (1,))
    assert found.item() == pytest.approx((2 / 4 + 3 / 5) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("predicted", "target", "mask", "expected"),
    [
        (1, 1, 1, 0.5),  # of a class that does not occur, the score is 0
        (0, 0, 1, 0.5),
        (1, 0, 1, 0),
        (1, 1, 0, 0),
    ],
)
def test_two_class_iou_of_uniform_maps(predicted: int, target: int, mask: int, expected: float) -> None:
    maps = (torch.full((2, 8, 8), bool(value)) for value in (predicted, target, mask))
    assert two_class_iou(*maps).tolist() == pytest.approx([expected] * 2, abs=1e-6)


def test_pixels_are_counted_per_image() -> None:
    mask = torch.zeros(3, 300, 300, dtype=torch.bool)
    mask[1, 5, 7] = mask[2] = True
    assert count_pixels(mask).tolist() == [0, 1, 90_000]
