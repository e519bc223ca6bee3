"""Selection of the n largest values, and the hard example mask."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ocr_models.detection import hard_examples
from ocr_models.detection.hard_examples import hard_example_mask, nth_largest, nth_largest_by_bits


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code for a GPU, which reads no values, on the CPU."""
    monkeypatch.setattr(hard_examples, "on_accelerator", lambda tensor: True)


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
    """Rows long enough for the sample that excludes small values."""
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
    high_sample[::32] += 100  # the sample is not typical, and its threshold excludes too much
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


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=40), st.data())
def test_nth_largest_is_exact_in_float64(row: list[float], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(row)))
    values = torch.tensor([row], dtype=torch.float64)
    for found in (nth_largest(values, torch.tensor([n])), nth_largest_by_bits(values, torch.tensor([n]))):
        assert found.dtype == torch.float64
        assert found.tolist() == [sorted(row, reverse=True)[n - 1]]


@pytest.mark.parametrize("n", [1, 300, 2500, 4999, 5000])
def test_nan_counts_as_larger_than_any_number(n: int) -> None:
    values = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))
    values[0, 7::50] = math.nan
    found, expected = nth_largest(values, torch.tensor([n])), values[0].sort(descending=True).values[n - 1 : n]
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_ranks_are_integers_of_any_width(dtype: torch.dtype) -> None:
    assert_nth_largest(torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([2], dtype=dtype))


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_gpu_selects_by_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hard_examples, "nth_largest_by_bits", lambda values, n: torch.full((1,), 42.0))
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
    monkeypatch.setattr(hard_examples, "on_accelerator", lambda tensor: True)
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
        scores, text, trained = (tensor[i : i + 1] for tensor in maps)
        assert torch.equal(hard_example_mask(scores, text, trained)[0], together[i])


@pytest.mark.parametrize("on_a_gpu", [False, True])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_nan_score_is_selected(monkeypatch: pytest.MonkeyPatch, on_a_gpu: bool, sign: float) -> None:
    monkeypatch.setattr(hard_examples, "on_accelerator", lambda tensor: on_a_gpu)
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
