"""Labels: what is trained on, token ids, texts of logits."""

from __future__ import annotations

import string

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_models.parseq import CHARSET, adapt, decode, encode, trained_label
from ocr_models.recognition.labels import ExcludedLabelError

DIGITS_AND_LOWER = string.digits + string.ascii_lowercase


def test_the_charset_has_digits_then_letters_then_punctuation() -> None:
    assert len(CHARSET) == 94
    assert CHARSET.startswith("0123456789abc")
    assert CHARSET[36:38] + CHARSET[62:64] == 'AB!"'


@pytest.mark.parametrize(
    ("raw", "charset", "label"),
    [
        ("two words\t", CHARSET, "twowords"),
        ("naïve ½", CHARSET, "naive12"),
        ("Straße", CHARSET, "Strae"),
        ("It's 5%", DIGITS_AND_LOWER, "its5"),
        ("abc", string.ascii_uppercase, "ABC"),
        ("a" * 25 + "日", CHARSET, "a" * 25),
    ],
)
def test_labels_are_reduced_to_the_charset(raw: str, charset: str, label: str) -> None:
    assert trained_label(raw, charset) == label


@pytest.mark.parametrize(
    ("raw", "charset", "reason"),
    [
        ("a" * 26, CHARSET, "longer than 25 characters"),
        ("a" * 20 + "%" * 6, DIGITS_AND_LOWER, "longer than 25 characters"),  # before the charset is applied
        (" ", CHARSET, "empty"),
        ("日本", CHARSET, "empty"),
        ("%%", DIGITS_AND_LOWER, "empty"),
    ],
)
def test_labels_that_are_not_trained_on_say_why(raw: str, charset: str, reason: str) -> None:
    with pytest.raises(ExcludedLabelError) as caught:
        trained_label(raw, charset)
    assert caught.value.reason == str(caught.value) == reason


def test_a_mixed_charset_keeps_the_case() -> None:
    assert adapt("A-b C", CHARSET[:62]) == "AbC"


def test_labels_become_tokens() -> None:
    assert encode(["a1", ""]).tolist() == [[95, 11, 2, 0], [95, 0, 96, 96]]
    assert encode(["~"], width=5).tolist() == [[95, 94, 0, 96, 96]]
    assert encode(["~"]).dtype == torch.int64


def test_tokens_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="'a b': the character ' ' is not in the charset"):
        encode(["ab", "a b"])
    with pytest.raises(ValueError, match="a label of 3 characters needs a width of 5, not 4"):
        encode(["abc"], width=4)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(CHARSET, max_size=25), min_size=1, max_size=4))
def test_texts_of_sure_logits_are_the_labels(labels: list[str]) -> None:
    tokens = encode(labels, width=27)[:, 1:]
    logits = 100 * torch.nn.functional.one_hot(tokens, 97)[..., :95].float()
    texts, confidences = decode(logits)
    assert texts == labels
    assert confidences.tolist() == [1] * len(labels)


def test_the_confidence_counts_all_characters_and_the_first_end() -> None:
    probabilities = torch.full((2, 4, 95), 1e-9)
    for step, share in enumerate((0.5, 0.4, 0.8, 0.9)):
        probabilities[0, step, (3, 3, 0, 5)[step]] = share
        probabilities[1, step, 7] = share
    logits = probabilities.log()
    rest = torch.tensor([0.5, 0.6, 0.2, 0.1]).log()
    logits[:, range(4), 94] = rest - 0.7  # less than the largest
    texts, confidences = decode(logits)
    expected = logits.double().softmax(-1).amax(-1)
    assert texts == ["22", "6666"]
    torch.testing.assert_close(confidences.double(), torch.stack((expected[0, :3].prod(), expected[1].prod())))
    assert decode(logits.bfloat16())[1].dtype == torch.float32
    assert decode(logits.double())[1].dtype == torch.float64
