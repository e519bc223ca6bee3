"""The loss of PSENet against the recipe in plain Python (support/plain_loss.py)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ocr_models.detection import hard_examples, losses
from ocr_models.detection.hard_examples import hard_example_mask
from ocr_models.psenet import PSENetLoss
from plain_loss import CASES, NAMES, Maps, plain_hard_example_mask, plain_loss, random_maps

every_case = pytest.mark.parametrize("maps", [pytest.param(maps, id=name) for name, maps in CASES.items()])


@pytest.fixture(params=["piecewise", "at-once"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the CPU, and as on a GPU."""
    if request.param == "at-once":
        for module in (losses, hard_examples):
            monkeypatch.setattr(module, "on_accelerator", lambda tensor: True)


both_ways = pytest.mark.usefixtures("_both_ways")


def test_the_cases_are_what_their_names_say() -> None:
    text, trained = CASES["fewer-others-than-wanted"].text, CASES["fewer-others-than-wanted"].trained
    assert ((1 - text).sum((1, 2)) < 3 * (text * trained).sum((1, 2))).all()
    assert all((1 - text[i]).any() for i in range(2))
    masked = CASES["mostly-masked"]
    assert any(
        not np.array_equal(
            plain_hard_example_mask(masked.logits[i, 0], masked.text[i], masked.trained[i]), masked.trained[i] > 0.5
        )
        for i in range(2)
    )


# values


@both_ways
@every_case
def test_losses_and_scores_are_those_of_the_recipe(maps: Maps) -> None:
    found = PSENetLoss()(*maps.tensors())
    assert tuple(found) == NAMES
    for image in range(2):
        for name, expected in plain_loss(maps, image).items():
            assert found[name].shape == (2,)
            tolerance = 1e-12 if name.startswith("loss") else 1e-6
            assert found[name][image].item() == pytest.approx(expected, rel=tolerance, abs=tolerance), (name, image)


@every_case
def test_float32_gives_them_within_its_rounding(maps: Maps) -> None:
    logits, *targets = maps.tensors()
    found = PSENetLoss()(logits.float(), *targets)
    for image in range(2):
        for name, expected in plain_loss(maps, image).items():
            assert found[name].dtype == torch.float32
            assert found[name][image].item() == pytest.approx(expected, abs=2e-6), (name, image)


@both_ways
@every_case
def test_the_hard_example_mask_is_that_of_the_recipe(maps: Maps) -> None:
    logits, text, _, trained = maps.tensors(torch.bool)
    found = hard_example_mask(logits[:, 0], text, trained).numpy()
    for image in range(2):
        expected = plain_hard_example_mask(maps.logits[image, 0], maps.text[image], maps.trained[image])
        np.testing.assert_array_equal(found[image], expected)


@both_ways
@every_case
def test_losses_lie_between_0_and_their_weight(maps: Maps) -> None:
    found = PSENetLoss()(*maps.tensors())
    for name, most in zip(NAMES, (0.7, 0.3, 1, 1), strict=True):
        assert (found[name] >= 0).all()
        assert (found[name] <= most).all()


def test_perfect_maps_cost_nearly_nothing_and_wrong_ones_their_weight() -> None:
    text = torch.zeros(1, 40, 60)
    text[:, 10:30, 20:40] = 1
    kernels = torch.zeros(1, 6, 40, 60)
    kernels[:, :, 15:25, 25:35] = 1
    sure = 50 * (2 * torch.cat((text[:, None], kernels), 1) - 1)
    everywhere = torch.ones_like(text)
    right, wrong = PSENetLoss()(sure, text, kernels, everywhere), PSENetLoss()(-sure, text, kernels, everywhere)
    assert [right[name].item() for name in NAMES] == pytest.approx([0, 0, 1, 1], abs=1e-4)
    assert [wrong[name].item() for name in NAMES] == pytest.approx([0.7, 0.3, 0, 0], abs=1e-6)


# the choice of hard examples, by hand


def row_mask(scores: list[float], text: list[int], trained: list[int]) -> list[int]:
    maps = [torch.tensor(values).view(1, 1, -1) for values in (scores, text, trained)]
    return hard_example_mask(maps[0], maps[1] > 0, maps[2] > 0).flatten().int().tolist()


@both_ways
@pytest.mark.parametrize(
    ("scores", "text", "trained", "expected"),
    [
        pytest.param([9, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 0], [1] * 6, [1, 1, 1, 1, 0, 0], id="three-for-one"),
        pytest.param([9, 5, 3, 3, 3, 1], [1, 0, 0, 0, 0, 0], [1] * 6, [1, 1, 1, 1, 1, 0], id="ties-all-count"),
        pytest.param([-9, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 0], [1] * 6, [1, 1, 1, 1, 0, 0], id="text-of-any-score"),
        pytest.param([9, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 1], [1, 0, 0, 0, 0, 0], id="untrained"),
        pytest.param([9, 5, 4, 3, 2, 1], [1, 1, 0, 0, 0, 0], [1, 0, 1, 1, 1, 1], [1, 0, 1, 1, 1, 0], id="ignored"),
        pytest.param([9, 5, 4, 3, 2, 1], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0], id="few-others"),
        pytest.param([9, 5, 4, 3, 2, 1], [0] * 6, [1, 1, 0, 1, 1, 1], [1, 1, 0, 1, 1, 1], id="no-text"),
        pytest.param([9, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 1, 1], [0, 1, 1, 0, 1, 1], id="only-ignored"),
        pytest.param([9, 5, 4, 3, 2, 1], [1] * 6, [1, 0, 1, 1, 1, 0], [1, 0, 1, 1, 1, 0], id="text-everywhere"),
        pytest.param([9, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 0], [0] * 6, [0] * 6, id="nothing-trained"),
        pytest.param([0.0, 0.0, -0.0, 0.0, -0.0, -1], [1, 0, 0, 0, 0, 0], [1] * 6, [1] * 5 + [0], id="zeros-are-equal"),
    ],
)
def test_hard_examples_by_hand(scores: list[float], text: list[int], trained: list[int], expected: list[int]) -> None:
    assert row_mask(scores, text, trained) == expected


# gradients


def gradient_of(maps: Maps) -> Tensor:
    """Gradient of the minimised loss with respect to the logits."""
    logits, *targets = maps.tensors()
    found = PSENetLoss()(logits.requires_grad_(), *targets)
    (found["loss_text"].mean() + found["loss_kernels"].mean()).backward()
    assert logits.grad is not None
    return logits.grad


@both_ways
@pytest.mark.parametrize("case", ["random0", "random3", "text-everywhere", "fewer-others-than-wanted"])
def test_gradients_are_those_of_finite_differences_of_the_recipe(case: str) -> None:
    maps, step = replace(CASES[case], logits=CASES[case].logits.copy()), 1e-5
    gradient = gradient_of(maps).numpy()

    def value(image: int) -> float:
        losses_ = plain_loss(maps, image)
        return (losses_["loss_text"] + losses_["loss_kernels"]) / 2  # the mean over two images

    rng = np.random.default_rng(0)
    places = [(0, m, int(rng.integers(6)), int(rng.integers(8))) for m in range(7) for _ in range(6)]
    places += [(1, m, int(rng.integers(6)), int(rng.integers(8))) for m in range(7) for _ in range(6)]
    for place in places:
        original = maps.logits[place]
        values = []
        for moved in (original + step, original - step):
            maps.logits[place] = moved
            values.append(value(place[0]))
        maps.logits[place] = original
        assert gradient[place] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-9), place
    assert np.abs(gradient).max() > 1e-4


def test_without_text_dice_is_1_whatever_the_logits_and_has_no_gradient() -> None:
    assert not gradient_of(CASES["no-text"]).any()


def test_the_gradient_is_zero_outside_the_trained_pixels() -> None:
    maps = CASES["random2"]
    gradient = gradient_of(maps).numpy()
    hard = [plain_hard_example_mask(maps.logits[i, 0], maps.text[i], maps.trained[i]) for i in range(2)]
    assert not gradient[:, 0][~np.stack(hard)].any()
    outside = (maps.text * maps.trained) == 0
    assert not gradient[:, 1:][np.broadcast_to(outside[:, None], (2, 6, 6, 8))].any()
    assert gradient.any()


def test_only_losses_carry_a_gradient() -> None:
    logits, *targets = CASES["random1"].tensors()
    found = PSENetLoss()(logits.requires_grad_(), *targets)
    assert [found[name].requires_grad for name in NAMES] == [True, True, False, False]


# types and shapes


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_computed_with_in_float32(dtype: torch.dtype) -> None:
    logits, *targets = random_maps(1).tensors()
    low = logits.to(dtype)
    found, expected = PSENetLoss()(low.clone().requires_grad_(), *targets), PSENetLoss()(low.float(), *targets)
    for name in NAMES:
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name].detach(), expected[name])


def test_half_precision_logits_get_a_gradient_of_their_type() -> None:
    logits, *targets = random_maps(1).tensors()
    low = logits.bfloat16().requires_grad_()
    PSENetLoss()(low, *targets)["loss_text"].sum().backward()
    assert low.grad is not None
    assert low.grad.dtype == torch.bfloat16
    assert low.grad.any()


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float16, torch.float32, torch.float64])
def test_targets_may_be_of_any_type(dtype: torch.dtype) -> None:
    maps = CASES["random4"]
    expected = PSENetLoss()(*maps.tensors(torch.uint8))
    found = PSENetLoss()(*maps.tensors(dtype))
    for name in NAMES:
        assert torch.equal(found[name], expected[name])


def test_nothing_given_is_changed() -> None:
    given = CASES["random5"].tensors(torch.float32)
    before = [tensor.clone() for tensor in given]
    PSENetLoss()(*given)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


def test_an_images_loss_does_not_depend_on_the_others() -> None:
    together = PSENetLoss()(*CASES["random6"].tensors())
    for image in range(2):
        alone = PSENetLoss()(*(tensor[image : image + 1] for tensor in CASES["random6"].tensors()))
        for name in NAMES:
            torch.testing.assert_close(alone[name][0], together[name][image], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("argument", "shape"),
    [
        (1, (2, 3, 8)),  # a quarter of the size
        (1, (2, 1, 6, 8)),
        (1, (1, 6, 8)),
        (2, (2, 7, 6, 8)),
        (2, (2, 6, 8)),
        (2, (2, 6, 8, 6)),
        (3, (2, 8, 6)),
        (3, (2, 6, 6, 8)),
        (3, (48,)),
        (0, (2, 6, 6, 8)),
        (0, (7, 6, 8)),
        (0, (2, 7, 3, 4)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(argument: int, shape: tuple[int, ...]) -> None:
    given = list(CASES["random0"].tensors())
    given[argument] = torch.zeros(shape)
    with pytest.raises(ValueError, match="do not fit each other") as error:
        PSENetLoss()(*given)
    assert str(shape) in str(error.value)


# NaN and infinity


@both_ways
@pytest.mark.parametrize("trained", [0, 1])
@pytest.mark.parametrize("text", [0, 1])
@pytest.mark.parametrize("channel", [0, 1, 6])
def test_one_nan_among_the_logits_makes_its_loss_nan_wherever_it_is(channel: int, text: int, trained: int) -> None:
    maps = random_maps(30, text=0.2, trained=0.7)
    y, x = np.argwhere((maps.text[0] == text) & (maps.trained[0] == trained))[0]
    logits, *targets = maps.tensors()
    logits[0, channel, y, x] = math.nan
    found = PSENetLoss()(logits, *targets)
    own, other = ("loss_text", "loss_kernels") if channel == 0 else ("loss_kernels", "loss_text")
    assert found[own].isnan().tolist() == [True, False]
    assert found[other].isfinite().all()


@both_ways
@pytest.mark.parametrize("case", ["no-text", "text-everywhere", "all-masked-out", "random0"])
def test_nan_logits_make_every_loss_nan(case: str) -> None:
    logits, *targets = CASES[case].tensors()
    found = PSENetLoss()(torch.full_like(logits, math.nan), *targets)
    assert found["loss_text"].isnan().all()
    assert found["loss_kernels"].isnan().all()


@both_ways
@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_logits_give_a_finite_loss_and_gradient(value: float) -> None:
    logits, *targets = CASES["random0"].tensors()
    logits[0, :, 2, 3] = value
    found = PSENetLoss()(logits.requires_grad_(), *targets)
    (found["loss_text"].sum() + found["loss_kernels"].sum()).backward()
    assert found["loss_text"].isfinite().all()
    assert found["loss_kernels"].isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
