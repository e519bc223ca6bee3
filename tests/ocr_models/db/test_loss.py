"""The loss of DB against its formulas (support/plain_db_loss.py), in both forms: as on the CPU and as on a GPU."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ocr_models.db import DBLoss, loss, loss_in_chunks
from ocr_models.detection import hard_examples
from plain_db_loss import LABELS, NAMES, Labels, plain_losses, random_labels, random_maps

each_case = pytest.mark.parametrize("labels", [pytest.param(labels, id=name) for name, labels in LABELS.items()])


@pytest.fixture(params=["in-chunks", "at-once"])
def _both_forms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "at-once":
        as_on_a_gpu(monkeypatch)


both_forms = pytest.mark.usefixtures("_both_forms")


def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (loss, hard_examples):
        monkeypatch.setattr(module, "on_accelerator", lambda tensor: True)


def gradient(losses: dict[str, Tensor], weights: dict[str, float], maps: Tensor) -> Tensor:
    total = sum(weight * losses[name] for name, weight in weights.items())
    (found,) = torch.autograd.grad(total, maps, retain_graph=True)  # type: ignore[arg-type]
    return found


def assert_as_the_formulas(maps: Tensor, labels: Labels) -> None:
    maps = maps.detach().requires_grad_()
    found, expected = DBLoss()(maps, *labels), plain_losses(maps, labels)
    assert tuple(found) == NAMES
    for name in NAMES:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-12, atol=1e-12)
        own = gradient(found, {name: 1}, maps)
        # torch holds the bound 1e-12 of the product in float32
        torch.testing.assert_close(own, gradient(expected, {name: 1}, maps), rtol=1e-8, atol=1e-12)


# values and gradients


@both_forms
@each_case
@pytest.mark.parametrize("seed", range(3))
def test_values_and_gradients_are_those_of_the_formulas(seed: int, labels: Labels) -> None:
    assert_as_the_formulas(random_maps(seed), labels)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.0, 0.05, 1.0]))
def test_any_shares_of_texts_masks_and_extreme_values(seed: int, text: float, trained: float, extreme: float) -> None:
    maps, labels = random_maps(seed), random_labels(seed, text=text, trained=trained)
    p = maps[:, 0]
    chosen = torch.rand(p.shape, generator=torch.Generator().manual_seed(seed)) < extreme / 4
    maps[:, 0] = torch.where(chosen, torch.tensor([1e-13, 1e-20, 1 - 1e-12], dtype=p.dtype)[seed % 3], p)
    maps[:, 0] += 1e-14 * torch.arange(p.numel(), dtype=p.dtype).view_as(p) / p.numel()  # no ties
    with pytest.MonkeyPatch.context() as patch:
        assert_as_the_formulas(maps, labels)
        as_on_a_gpu(patch)
        assert_as_the_formulas(maps, labels)


@both_forms
def test_chunks_of_an_image_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_in_chunks, "CHUNK", 7)  # 99 pixels: fourteen chunks and a rest
    assert_as_the_formulas(random_maps(1), LABELS["few-texts"])


@both_forms
def test_the_caller_may_weight_the_parts() -> None:
    maps, labels = random_maps(3).requires_grad_(), LABELS["few-texts"]
    weights = {"loss_probability": 5.0, "loss_threshold": -2.0, "loss_binary": 0.5, "loss": 0.25}
    found, expected = DBLoss()(maps, *labels), plain_losses(maps, labels)
    torch.testing.assert_close(gradient(found, weights, maps), gradient(expected, weights, maps), rtol=1e-9, atol=1e-12)


@both_forms
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    maps, labels = random_maps(seed, (1, 4, 5)), random_labels(seed, (1, 4, 5), text=0.15)
    inputs = (0.1 + 0.8 * maps).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(DBLoss()(x, *labels).values()), inputs)


@both_forms
@each_case
def test_float32_gives_them_within_its_rounding(labels: Labels) -> None:
    maps = random_maps(0, dtype=torch.float32).requires_grad_()
    double = maps.detach().double().requires_grad_()
    found, expected = DBLoss()(maps, *labels), plain_losses(double, labels)
    for name in NAMES:
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name].double(), expected[name], rtol=0, atol=2e-6)
    torch.testing.assert_close(
        gradient(found, {"loss": 1}, maps).double(), gradient(expected, {"loss": 1}, double), rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_forms_agree_on_a_batch_of_many_pixels(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    shape = (3, 200, 400)
    maps, labels = random_maps(0, shape, dtype=dtype).requires_grad_(), random_labels(0, shape)
    in_chunks = DBLoss()(maps, *labels)
    by_chunks = gradient(in_chunks, {"loss": 1}, maps)
    as_on_a_gpu(monkeypatch)
    at_once = DBLoss()(maps, *labels)
    for name in NAMES:
        torch.testing.assert_close(at_once[name], in_chunks[name])
    torch.testing.assert_close(gradient(at_once, {"loss": 1}, maps), by_chunks, rtol=1e-5, atol=1e-12)


# the ends of BCE, and ties


@both_forms
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 1.0, 1e-45, 1e-30, 1e-9, 1 - 2**-24])
@pytest.mark.parametrize("text", [False, True])
def test_bce_at_and_near_0_and_1_is_that_of_torch(text: bool, value: float, dtype: torch.dtype) -> None:
    """All pixels count: one positive and its three negatives."""
    maps = random_maps(0, (1, 2, 2), dtype=dtype)
    maps[0, 0, 0, int(not text)] = value
    maps.requires_grad_()
    s = torch.tensor([[[True, False], [False, False]]])
    labels = (s, torch.ones_like(s), torch.zeros(s.shape), torch.ones_like(s))
    found, expected = DBLoss()(maps, *labels), plain_losses(maps, labels)
    torch.testing.assert_close(found["loss_probability"], expected["loss_probability"], rtol=1e-6, atol=0)
    own, other = (gradient(losses, {"loss_probability": 1}, maps) for losses in (found, expected))
    torch.testing.assert_close(own, other, rtol=1e-6, atol=1e-30)


@both_forms
@pytest.mark.parametrize("tied", [0.0, 0.4, 1.0])
def test_ties_do_not_change_the_sum_and_share_the_gradient(tied: float) -> None:
    """Two positives, hence six of the eighteen negatives: two are harder than all others, which are equal."""
    maps = random_maps(0, (1, 4, 5))
    maps[:, 0] = tied
    maps[0, 0, 1, :2] = 1.0 if tied == 1 else 0.9
    maps.requires_grad_()
    s = torch.zeros(1, 4, 5, dtype=torch.bool)
    s[0, 0, :2] = True
    labels = (s, torch.ones_like(s), torch.zeros(s.shape), torch.ones_like(s))
    found, expected = DBLoss()(maps, *labels), plain_losses(maps, labels)
    torch.testing.assert_close(found["loss_probability"], expected["loss_probability"], rtol=1e-12, atol=0)
    own, other = (gradient(losses, {"loss_probability": 1}, maps)[0, 0] for losses in (found, expected))
    torch.testing.assert_close(own.sum(), other.sum(), rtol=1e-8, atol=0)
    assert own[2:].unique().numel() == 1
    assert (own[2:] > 0).all() == (tied > 0)


@both_forms
@pytest.mark.parametrize("case", ["no-text", "all-ignored"])
def test_without_texts_only_the_threshold_map_gets_a_gradient(case: str) -> None:
    maps = random_maps(0).requires_grad_()
    found = DBLoss()(maps, *LABELS[case])
    assert found["loss_probability"].item() == 0
    assert found["loss_binary"].item() == 1
    by_maps = gradient(found, {"loss": 1}, maps)
    assert not by_maps[:, (0, 2)].any()
    assert by_maps[:, 1].any()


# types and shapes


@both_forms
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_maps_are_computed_with_in_float32(dtype: torch.dtype) -> None:
    low = random_maps(1, dtype=dtype).requires_grad_()
    found, expected = DBLoss()(low, *LABELS["few-texts"]), DBLoss()(low.float(), *LABELS["few-texts"])
    for name in NAMES:
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], expected[name])
    assert gradient(found, {"loss": 1}, low).dtype == dtype


@both_forms
def test_autocast_changes_nothing() -> None:
    maps, labels = random_maps(1, dtype=torch.float32), LABELS["few-texts"]
    expected = DBLoss()(maps, *labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = DBLoss()(maps, *labels)
    assert all(torch.equal(found[name], expected[name]) for name in NAMES)


@both_forms
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float16, torch.float32, torch.float64])
def test_masks_may_be_of_any_type(dtype: torch.dtype) -> None:
    maps, (s, m, true_t, tm) = random_maps(1), LABELS["few-texts"]
    expected = DBLoss()(maps, s, m, true_t, tm)
    found = DBLoss()(maps, s.to(dtype), m.to(dtype), true_t, tm.to(dtype))
    assert all(torch.equal(found[name], expected[name]) for name in NAMES)


@both_forms
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_threshold_map_may_be_of_another_type(dtype: torch.dtype) -> None:
    maps, (s, m, true_t, tm) = random_maps(1).requires_grad_(), LABELS["few-texts"]
    assert_as_the_formulas(maps, (s, m, true_t.to(dtype), tm))


@both_forms
def test_maps_and_labels_need_not_be_contiguous() -> None:
    maps, labels = random_maps(1).to(memory_format=torch.channels_last), LABELS["few-texts"]
    strided = [each.transpose(1, 2).contiguous().transpose(1, 2) for each in labels]
    assert_as_the_formulas(maps, (strided[0], strided[1], strided[2], strided[3]))


@both_forms
def test_nothing_given_is_changed() -> None:
    given = [random_maps(5), *LABELS["few-texts"]]
    before = [tensor.clone() for tensor in given]
    maps = given[0].requires_grad_()
    DBLoss()(*given)["loss"].backward()
    assert all(torch.equal(a, b) for a, b in zip((maps.detach(), *given[1:]), before, strict=True))


@pytest.mark.parametrize(
    ("argument", "shape"),
    [
        (0, (2, 2, 9, 11)),
        (0, (2, 9, 11)),
        (0, (2, 3, 11, 9)),
        (1, (2, 1, 9, 11)),
        (2, (1, 9, 11)),
        (3, (9, 11)),
        (4, (2, 11, 9)),
        (4, ()),
    ],
)
def test_shapes_that_do_not_fit_are_refused(argument: int, shape: tuple[int, ...]) -> None:
    given = [random_maps(0), *LABELS["few-texts"]]
    given[argument] = torch.zeros(shape)
    with pytest.raises(ValueError, match="do not fit each other") as error:
        DBLoss()(*given)
    assert str(shape) in str(error.value)
    assert "\n" not in str(error.value)


# NaN and infinity


@both_forms
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_value_that_is_not_finite_shows_wherever_it_is(
    channel: int, text: bool, trained: bool, value: float
) -> None:
    maps, labels = random_maps(0), random_labels(0, text=0.3)
    s, m, _, tm = labels
    i, y, x = ((s == text) & ((tm if channel == 1 else m) == trained)).nonzero()[0].tolist()
    maps[i, channel, y, x] = value
    found = DBLoss()(maps, *labels)
    shown = [name for name in NAMES if not found[name].isfinite()]
    assert shown == ["loss", NAMES[1 + channel]]


@both_forms
@each_case
def test_maps_of_nan_make_every_part_nan(labels: Labels) -> None:
    maps = torch.full_like(random_maps(0), math.nan).requires_grad_()
    found = DBLoss()(maps, *labels)
    assert all(found[name].isnan() for name in NAMES)
    found["loss"].backward()  # and the gradient can be computed
