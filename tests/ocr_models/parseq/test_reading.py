"""Reading of words, compared with what the plainest form of the network says after the same tokens."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from narrow_parseq import baseline, drawn, images


def plain_reading(tokens: Tensor, mask: Tensor, padding: Tensor | None = None) -> Tensor:
    """Logits (N, L, 95) of the baseline after tokens (N, L)."""
    plain = baseline()
    if padding is None:
        padding = torch.zeros_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        memory = plain.encoder(images())
        return plain.decode(tokens, memory, mask, padding)


def with_start(logits: Tensor) -> Tensor:
    return torch.cat((torch.full((len(logits), 1), 95), logits[:, :-1].argmax(-1)), dim=1)


def test_reading_one_by_one_is_that_of_all_characters_before() -> None:
    logits = drawn().generate(images(), refinements=0, max_length=25)
    assert len(logits.argmax(-1).unique()) > 5
    later = torch.ones(26, 26, dtype=torch.bool).triu(1)
    torch.testing.assert_close(logits, plain_reading(with_start(logits), later))


def test_a_refinement_sees_all_other_characters_up_to_the_end() -> None:
    first = drawn().generate(images(), refinements=0, max_length=25)
    tokens = with_start(first)
    itself = torch.ones(26, 26, dtype=torch.bool).triu(1).tril(1)
    expected = plain_reading(tokens, itself, (tokens == 0).cumsum(1) > 0)
    torch.testing.assert_close(drawn().generate(images(), refinements=1, max_length=25), expected)


def test_reading_at_once_sees_the_image_alone() -> None:
    start = torch.full((2, 26), 95)
    others = torch.ones(26, 26, dtype=torch.bool)
    others[:, 0] = False
    logits = drawn().generate(images(), autoregressive=False, refinements=0)
    torch.testing.assert_close(logits, plain_reading(start, others))


@pytest.mark.parametrize("autoregressive", [True, False])
@pytest.mark.parametrize(("max_length", "positions"), [(1, 2), (7, 8), (25, 26), (99, 26), (None, 26)])
def test_there_are_as_many_positions_as_asked_for(max_length: int | None, positions: int, autoregressive: bool) -> None:
    assert drawn().generate(images(), autoregressive, max_length=max_length).shape == (2, positions, 95)


@pytest.mark.parametrize("arguments", [{"max_length": -1}, {"refinements": -1}])
def test_negative_numbers_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        drawn().generate(images(), **arguments)  # type: ignore[arg-type]


def test_reading_stops_when_all_texts_have_ended_unless_a_length_is_given() -> None:
    model = copy.deepcopy(drawn())
    with torch.no_grad():
        model.head.bias[0] = 1e3
    assert model.generate(images(), refinements=0).shape == (2, 1, 95)
    assert model.generate(images(), refinements=0, max_length=7).shape == (2, 8, 95)
    assert model.generate(images(), refinements=1).shape == (2, 26, 95)
