"""The loss over all orders against its formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ocr_models.parseq import draw_permutations, encode, permuted_loss

LABELS = ["abc", "", "x1Y2z"]


def plain_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over all targets of all orders of -log p; the end is a target in the first two orders."""
    terms = []
    for row, of_row in enumerate(logits):
        for sample, of_sample in enumerate(of_row):
            for position, values in enumerate(of_sample, start=1):
                target = int(targets[sample, position])
                if target != 96 and (target != 0 or row < 2):
                    terms.append(values.logsumexp(0) - values[target])
    return torch.stack(terms).mean()


def orders(characters: int, count: int = 6) -> Tensor:
    return draw_permutations(characters, torch.Generator().manual_seed(0), count)


@pytest.mark.parametrize("labels", [LABELS, ["a", "b"], ["ab"], ["abcdefghijklmnopqrstuvwxy", "abc"]])
def test_value_and_gradient_are_those_of_the_formula(labels: list[str]) -> None:
    targets = encode(labels)
    permutations = orders(targets.shape[1] - 2)
    shape = (len(permutations), len(labels), targets.shape[1] - 1, 95)
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
    (found,) = torch.autograd.grad(loss := permuted_loss(logits, targets, permutations), logits)
    (expected,) = torch.autograd.grad(formula := plain_loss(logits, targets), logits)
    torch.testing.assert_close(loss, formula)
    torch.testing.assert_close(found, expected)


def test_it_is_computed_in_float32_at_least() -> None:
    targets, permutations = encode(LABELS), orders(5)
    logits = torch.randn(6, 3, 6, 95).bfloat16()
    loss = permuted_loss(logits, targets, permutations)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, permuted_loss(logits.float(), targets, permutations), rtol=0, atol=0)


@pytest.mark.parametrize(("rows", "samples", "positions"), [(5, 3, 6), (6, 2, 6), (6, 3, 5)])
def test_shapes_that_do_not_fit_are_refused(rows: int, samples: int, positions: int) -> None:
    with pytest.raises(ValueError, match=r"logits .* do not fit targets \(3, 7\) and permutations \(6, 7\)"):
        permuted_loss(torch.randn(rows, samples, positions, 95), encode(LABELS), orders(5))
