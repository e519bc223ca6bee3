"""CTC against its definition and torch's own, in both forms: as on the CPU and as on a GPU."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ocr_models.crnn import ctc_logarithms, ctc_loss, ctc_probabilities
from plain_ctc import enumerated_nll, random_batch, torch_loss


@pytest.fixture(params=["probabilities", "logarithms"])
def _both_forms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "logarithms":
        monkeypatch.setattr(ctc_probabilities, "nll_and_slopes", ctc_logarithms.nll_and_slopes)


@pytest.fixture
def _no_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ctc_logarithms, "nll_and_slopes")


both_forms = pytest.mark.usefixtures("_both_forms")


def found(logits: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, -log p and gradient."""
    logits = logits.detach().requires_grad_()
    loss, nll = ctc_loss(logits, labels, lengths)
    (gradient,) = torch.autograd.grad(loss, logits)
    return loss.detach(), nll, gradient


def assert_as_torch(logits: Tensor, labels: Tensor, lengths: Tensor) -> None:
    loss, nll, gradient = found(logits, labels, lengths)
    logits = logits.detach().requires_grad_()
    expected_loss, expected_nll = torch_loss(logits, labels, lengths)
    (expected_gradient,) = torch.autograd.grad(expected_loss, logits)
    torch.testing.assert_close(nll, expected_nll.detach(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(loss, expected_loss.detach(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=1e-9)


def one(label: list[int], steps: int, classes: int = 4, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of one label."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, steps, classes, generator=generator, dtype=torch.float64)
    return logits, torch.tensor([label], dtype=torch.int64), torch.tensor([len(label)])


# values


@both_forms
@pytest.mark.parametrize("label", [[], [1], [1, 1], [2, 1], [1, 2, 1], [1, 1, 1], [3, 3, 2]])
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_minus_log_p_sums_over_all_paths(label: list[int], steps: int) -> None:
    logits, labels, lengths = one(label, steps)
    _, nll, _ = found(logits, labels, lengths)
    assert nll.item() == pytest.approx(enumerated_nll(logits[0], label), rel=1e-12)


@both_forms
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 9), st.integers(2, 5), st.integers(1, 6))
def test_loss_and_gradient_are_those_of_torch(seed: int, n: int, steps: int, classes: int, width: int) -> None:
    assert_as_torch(*random_batch(seed, n, steps, classes, width))


@both_forms
@pytest.mark.parametrize("scale", [1, 30, 300, 1e4])
def test_loss_and_gradient_are_those_of_torch_at_the_size_of_the_network(scale: float) -> None:
    assert_as_torch(*random_batch(0, 8, 26, 37, 25, scale))


@pytest.mark.usefixtures("_no_logarithms")
@pytest.mark.parametrize("scale", [0, 1])
def test_probabilities_suffice_for_many_time_steps(scale: float) -> None:
    """(1/95)^200, the order of a label's probability, is too small for a float64."""
    assert_as_torch(*random_batch(6, 3, 200, 95, 25, scale))


@pytest.mark.usefixtures("_no_logarithms")
def test_probabilities_suffice_for_labels_that_do_not_fit() -> None:
    assert found(*one([1, 1, 1], steps=4))[1].item() == math.inf


def test_small_losses_of_confident_float32_logits_are_exact() -> None:
    logits = torch.zeros(1, 3, 4)
    logits[0, range(3), [1, 0, 2]] = 18
    _, nll, _ = found(logits, torch.tensor([[1, 2]]), torch.tensor([2]))
    _, exact, _ = found(logits.double(), torch.tensor([[1, 2]]), torch.tensor([2]))
    assert exact.item() < 1e-6
    torch.testing.assert_close(nll.double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("form", [ctc_probabilities, ctc_logarithms])
def test_a_label_that_does_not_fit_has_no_slopes_in_either_form(form: Any) -> None:
    nll, slopes = form.nll_and_slopes(*one([1, 1, 1], steps=4))
    assert nll.item() == math.inf
    assert slopes.count_nonzero() == 0


def test_an_improbable_label_leaves_the_other_labels_as_they_are() -> None:
    logits, labels, lengths = random_batch(7, 3, 8, 5, 3)
    logits[1] *= 3000
    loss, nll, gradient = found(logits, labels, lengths)
    assert_as_torch(logits, labels, lengths)
    for n in (0, 2):
        alone = found(logits[n : n + 1], labels[n : n + 1], lengths[n : n + 1])
        assert torch.equal(alone[1], nll[n : n + 1])
        torch.testing.assert_close(alone[2], gradient[n : n + 1] * 3)
    assert torch.isfinite(loss)


@both_forms
def test_a_beginning_that_is_improbable_alone_counts_by_its_end() -> None:
    """In two steps, all that is probable at first is lost later; in sums relative to the largest, the rest would be."""
    logits = torch.tensor([[0.0, -500, -500], [0, -500, -500], [-1500, -1500, 0], [-1500, -1500, 0]])
    assert_as_torch(logits[None].double(), torch.tensor([[1, 2]]), torch.tensor([2]))


@both_forms
def test_logits_and_labels_may_be_views() -> None:
    logits, labels, lengths = random_batch(8, 4, 6, 5, 3)
    turned = logits.transpose(0, 1).contiguous().transpose(0, 1), labels.t().contiguous().t()
    for one_tensor, view in zip(
        found(logits, labels, lengths), found(*turned, lengths.repeat_interleave(2)[::2]), strict=True
    ):
        torch.testing.assert_close(view, one_tensor)


@both_forms
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_narrow_logits_are_computed_in_float32(dtype: torch.dtype) -> None:
    logits, labels, lengths = random_batch(1, 4, 12, 6, 5)
    narrow = logits.to(dtype)
    loss, nll, gradient = found(narrow, labels, lengths)
    exact_loss, exact_nll, exact_gradient = found(narrow.double(), labels, lengths)
    assert (loss.dtype, nll.dtype, gradient.dtype) == (torch.float32, torch.float32, dtype)
    torch.testing.assert_close(loss.double(), exact_loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(nll.double(), exact_nll, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient, exact_gradient.to(dtype), rtol=1e-2, atol=1e-6)


# labels that do not fit, and logits that are not finite


@both_forms
def test_a_label_that_does_not_fit_counts_zero_and_has_no_gradient() -> None:
    logits, labels, lengths = random_batch(2, 3, 4, 5, 6)
    labels[0], lengths[0] = torch.tensor([1, 1, 2, 0, 0, 0]), 3  # needs a blank between: just fits
    labels[1], lengths[1] = torch.tensor([1, 1, 1, 0, 0, 0]), 3  # needs five steps
    labels[2], lengths[2] = torch.tensor([1, 2, 3, 4, 1, 2]), 6
    loss, nll, gradient = found(logits, labels, lengths)
    assert torch.isinf(nll).tolist() == [False, True, True]
    assert loss.item() == pytest.approx(nll[0].item() / 3 / 3)
    assert gradient[0].abs().sum() > 0
    assert gradient[1:].abs().sum() == 0


@both_forms
def test_labels_without_any_characters_are_trained_on() -> None:
    logits = torch.randn(2, 3, 4, dtype=torch.float64)
    loss, nll, _ = found(logits, torch.zeros(2, 0, dtype=torch.int64), torch.zeros(2, dtype=torch.int64))
    expected = -logits.log_softmax(2)[..., 0].sum(1)
    torch.testing.assert_close(nll, expected)
    torch.testing.assert_close(loss, expected.mean())


@both_forms
def test_nan_shows_in_the_loss_and_only_in_its_own_sample() -> None:
    logits, labels, lengths = random_batch(3, 3, 8, 5, 3)
    logits[1, 2, 3] = torch.nan
    loss, nll, gradient = found(logits, labels, lengths)
    assert torch.isnan(loss)
    assert torch.isnan(nll).tolist() == [False, True, False]
    assert torch.isfinite(gradient[[0, 2]]).all()


@both_forms
def test_nan_shows_also_in_a_label_that_does_not_fit() -> None:
    logits, labels, lengths = one([1, 1, 1], steps=3)
    logits[:] = torch.nan
    loss, nll, _ = found(logits, labels, lengths)
    assert torch.isnan(loss)
    assert torch.isnan(nll).all()


@both_forms
def test_a_label_far_too_improbable_for_a_float_has_its_loss() -> None:
    logits = torch.zeros(1, 2, 3)
    logits[:, :, 0] = 1e4
    loss, nll, gradient = found(logits, torch.tensor([[1, 2]]), torch.tensor([2]))
    assert nll.item() == pytest.approx(2e4)
    assert loss.item() == pytest.approx(1e4)
    torch.testing.assert_close(gradient, torch.tensor([[[1.0, -1, 0], [1, 0, -1]]]) / 2)


# differentiation


def test_the_gradient_of_a_far_too_improbable_label_is_not_rounded() -> None:
    logits = 1000 * torch.randn(1, 24, 95, generator=torch.Generator().manual_seed(0))
    labels, lengths = torch.tensor([[1, 2, 3]]), torch.tensor([3])
    _, nll, gradient = found(logits, labels, lengths)
    _, _, expected = found(logits.double(), labels, lengths)
    assert nll.item() > 10_000  # float32 has steps of 0.001 there
    torch.testing.assert_close(gradient.double(), expected, rtol=0, atol=1e-6)


@both_forms
def test_the_gradient_is_that_of_finite_differences_and_scales_with_what_follows() -> None:
    logits, labels, lengths = random_batch(4, 2, 4, 3, 2)
    assert torch.autograd.gradcheck(lambda x: 3 * ctc_loss(x, labels, lengths)[0], logits.requires_grad_())


@both_forms
def test_without_gradient_the_values_are_the_same() -> None:
    batch = random_batch(5, 3, 6, 4, 3)
    loss, nll, _ = found(*batch)
    with torch.no_grad():
        torch.testing.assert_close(ctc_loss(*batch), (loss, nll), equal_nan=True)


@pytest.mark.parametrize(
    ("label", "length", "message"),
    [
        ([1, 4], 2, "a label has a class that there is not"),
        ([1, -1], 2, "a label has a class that there is not"),
        ([1, 2], 3, "a length is not from 0 to the width of the labels"),
        ([1, 2], -1, "a length is not from 0 to the width of the labels"),
    ],
)
def test_labels_that_the_logits_do_not_have_are_refused(label: list[int], length: int, message: str) -> None:
    logits, labels, _ = one(label, steps=5)
    with pytest.raises(ValueError, match=message):
        ctc_loss(logits, labels, torch.tensor([length]))


@pytest.mark.parametrize(
    ("logits", "labels", "lengths"),
    [((2, 3), (2, 1), (2,)), ((2, 3, 4), (2,), (2,)), ((2, 3, 4), (3, 1), (2,)), ((2, 0, 4), (2, 1), (2,))],
)
def test_shapes_that_do_not_match_are_refused(
    logits: tuple[int, ...], labels: tuple[int, ...], lengths: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"logits, labels and lengths must be|no time steps"):
        ctc_loss(torch.zeros(logits), torch.ones(labels, dtype=torch.int64), torch.ones(lengths, dtype=torch.int64))
