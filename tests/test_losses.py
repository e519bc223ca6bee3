"""Selection, masks and dice loss: the quick ways against the plain ones."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ocr_models import losses
from ocr_models.losses import (
    count_pixels,
    dice_loss,
    hard_example_mask,
    nth_largest,
    nth_largest_by_bits,
    two_class_iou,
)


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way without a look at the values, on the CPU."""
    monkeypatch.setattr(losses, "_on_accelerator", lambda tensor: True)


# n-th largest

SEVERAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1.5, math.inf, -math.inf, 1e-45, -1e-45, 3.4e38, -3.4e38])
FLOATS = SEVERAL | st.floats(width=32, allow_nan=False)


def assert_nth_largest(values: Tensor, n: Tensor) -> None:
    expected = [sorted(row, reverse=True)[k - 1] for row, k in zip(values.tolist(), n.tolist(), strict=True)]
    for found in (nth_largest(values, n), nth_largest_by_bits(values, n)):
        assert (found.dtype, found.shape) == (torch.float32, n.shape)
        assert found.tolist() == expected


@settings(deadline=None, max_examples=150)
@given(st.lists(FLOATS, min_size=1, max_size=40), st.data())
def test_nth_largest_is_that_of_sorting(row: list[float], data: st.DataObject) -> None:
    ranks = data.draw(st.lists(st.integers(1, len(row)), min_size=1, max_size=3))
    assert_nth_largest(torch.tensor([row] * len(ranks), dtype=torch.float32), torch.tensor(ranks))


def long_rows() -> Iterator[tuple[str, Tensor]]:
    """Long enough for the sample that shows what is too small."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(5000, generator=generator)
    yield "normal", normal
    yield "ties", (normal * 2).round()
    yield "equal", torch.full((5000,), -3.5)
    yield "ascending", normal.sort().values
    yield "descending", normal.sort(descending=True).values
    yield "half-infinite", torch.where(normal > 0, normal, -torch.inf)
    yield "all-infinite", torch.full((5000,), -torch.inf)
    yield "zeros-of-both-signs", torch.where(normal > 0, 0.0, -0.0)
    high_sample = normal.clone()
    high_sample[::32] += 100  # the sample takes itself for the whole and drops too much
    yield "misleading-high-sample", high_sample
    low_sample = normal.clone()
    low_sample[::32] -= 100
    yield "misleading-low-sample", low_sample
    yield "short-of-a-sample", normal[:1631]


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in long_rows()])
def test_nth_largest_of_many_values(row: Tensor) -> None:
    m = len(row)
    ranks = torch.tensor([1, 2, 31, 50, 157, 158, 1000, m // 2, m - 1, m])
    assert_nth_largest(row.expand(len(ranks), -1).contiguous(), ranks)


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_selected_from_one_by_one(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(6, 700, generator=generator) * 10 ** torch.randint(-3, 4, (6, 1), generator=generator)
    assert_nth_largest(values, torch.randint(1, 701, (6,), generator=generator))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_ranks_are_integers_of_any_width(dtype: torch.dtype) -> None:
    assert_nth_largest(torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([2], dtype=dtype))


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_gpu_selects_by_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "nth_largest_by_bits", lambda values, n: torch.full((1,), 42.0))
    assert nth_largest(torch.tensor([[1.0, 2.0]]), torch.tensor([1])).tolist() == [42.0]


def test_selection_leaves_its_input_as_it_was() -> None:
    values = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    before = values.clone()
    nth_largest(values, torch.tensor([5, 50]))
    nth_largest_by_bits(values, torch.tensor([5, 50]))
    assert torch.equal(values, before)


# hard example mask


def random_maps(seed: int, shape: tuple[int, ...] = (3, 9, 11)) -> tuple[Tensor, Tensor, Tensor]:
    """Scores with some ties, text on up to half of the pixels, and a training mask."""
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(0, 3, shape), rng.integers(0, 4)).astype(np.float32)
    text = rng.random(shape) < rng.choice([0.02, 0.1, 0.5])
    trained = rng.random(shape) < rng.choice([0.5, 0.9, 1])
    return torch.from_numpy(scores), torch.from_numpy(text), torch.from_numpy(trained)


@pytest.mark.parametrize("ratio", [1, 3])
@pytest.mark.parametrize("seed", range(12))
def test_properties_of_the_hard_example_mask(seed: int, ratio: int) -> None:
    scores, text, trained = random_maps(seed)
    mask = hard_example_mask(scores, text, trained, ratio)
    assert (mask.dtype, mask.shape) == (torch.bool, scores.shape)
    assert not (mask & ~trained).any()
    assert (mask | ~(text & trained)).all()  # all trained text
    for m, s, t, inside in zip(mask, scores, text, trained, strict=True):
        wanted = min(ratio * int((t & inside).sum()), int((~t).sum()))
        if wanted == 0:
            assert torch.equal(m, inside)
            continue
        taken, left = s[m & ~t], s[~m & ~t & inside]
        if len(taken) and len(left):
            assert taken.min() > left.max()
        if inside.all():
            assert len(taken) >= wanted
            assert int((taken > taken.min()).sum()) < wanted  # no more than ties at the threshold


@pytest.mark.parametrize("seed", range(4))
def test_the_mask_is_the_same_as_on_a_gpu(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = random_maps(seed, (3, 60, 80))
    piecewise = hard_example_mask(*maps)
    monkeypatch.setattr(losses, "_on_accelerator", lambda tensor: True)
    assert torch.equal(hard_example_mask(*maps), piecewise)


def test_the_mask_depends_on_the_order_of_scores_alone() -> None:
    scores, text, trained = random_maps(3)
    assert torch.equal(
        hard_example_mask(scores * 8 - 2, text, trained), hard_example_mask(scores, text, trained)
    )  # exact in float32, so that ties stay ties


def test_images_do_not_see_each_other() -> None:
    maps = random_maps(5)
    together = hard_example_mask(*maps)
    for i in range(3):
        assert torch.equal(hard_example_mask(*(tensor[i : i + 1] for tensor in maps))[0], together[i])


@pytest.mark.parametrize("on_a_gpu", [False, True])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_score_that_is_no_number_is_looked_at(monkeypatch: pytest.MonkeyPatch, on_a_gpu: bool, sign: float) -> None:
    monkeypatch.setattr(losses, "_on_accelerator", lambda tensor: on_a_gpu)
    scores = torch.zeros(1, 20, 20)
    scores[0, 0, 0] = 5
    scores[0, 7, 7] = math.copysign(math.nan, sign)
    text = torch.zeros(1, 20, 20, dtype=torch.bool)
    text[0, 3, 3] = True
    mask = hard_example_mask(scores, text, torch.ones_like(text))
    assert mask[0, 7, 7]
    assert mask[0, 3, 3]


def test_scores_get_no_gradient_and_may_need_one() -> None:
    scores, text, trained = random_maps(0)
    mask = hard_example_mask(scores.requires_grad_(), text, trained)
    assert not mask.requires_grad


# dice loss


def plain_dice(logits: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
    """The formula of the recipe, left to autograd."""
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
    monkeypatch.setattr(losses, "_on_accelerator", lambda tensor: on_a_gpu)
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
    monkeypatch.setattr(losses, "_on_accelerator", lambda tensor: True)
    for found, expected in zip(loss_and_gradient(dice_loss, *inputs), piecewise, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("on_a_gpu", [False, True])
def test_dice_is_the_same_under_autocast(monkeypatch: pytest.MonkeyPatch, on_a_gpu: bool) -> None:
    monkeypatch.setattr(losses, "_on_accelerator", lambda tensor: on_a_gpu)
    logits, targets, masks = dice_inputs(2, (2, 3, 40, 50))
    inputs = (logits.float(), targets, masks, torch.rand(2, 3))
    plain = loss_and_gradient(dice_loss, *inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss_and_gradient(dice_loss, *inputs)
    for a, b in zip(found, plain, strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b)


def test_dice_sums_are_taken_outside_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of its operations autocast would take in half precision depends on the device: none may be."""
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
