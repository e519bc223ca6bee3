"""CRNN's labels: what is trained on, classes of characters, and texts from the classes per time step."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_models.crnn import CHARSET, SENSITIVE_CHARSET, confidences, encode, greedy_decode, trained_label
from ocr_models.recognition import ExcludedLabelError


def test_charsets_have_their_order() -> None:
    assert CHARSET == "0123456789abcdefghijklmnopqrstuvwxyz"
    assert len(set(SENSITIVE_CHARSET)) == 94
    assert SENSITIVE_CHARSET.startswith(CHARSET + "ABC")
    assert SENSITIVE_CHARSET.endswith("Z!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@pytest.mark.parametrize(
    ("raw", "charset", "label"),
    [
        ("Hello", CHARSET, "hello"),
        ("Hello", SENSITIVE_CHARSET, "Hello"),
        ("", CHARSET, ""),
        ("a" * 25, CHARSET, "a" * 25),
        (r"a\b-c]^", SENSITIVE_CHARSET, r"a\b-c]^"),  # special characters of regular expressions
    ],
)
def test_labels_that_are_trained_on(raw: str, charset: str, label: str) -> None:
    assert trained_label(raw, charset) == label


@pytest.mark.parametrize(
    ("raw", "charset", "reason"),
    [
        ("a" * 26, CHARSET, "longer than 25 characters"),
        ("it's", CHARSET, "with characters outside the charset"),
        ("two words", SENSITIVE_CHARSET, "with characters outside the charset"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", SENSITIVE_CHARSET, "with characters outside the charset"),
        ("a-b", "a-b"[::2], "with characters outside the charset"),
    ],
)
def test_labels_that_are_excluded(raw: str, charset: str, reason: str) -> None:
    with pytest.raises(ExcludedLabelError, match=reason) as caught:
        trained_label(raw, charset)
    assert caught.value.reason == reason


def test_encoded_labels_are_padded_to_25() -> None:
    ids, lengths = encode(["a0z", ""])
    assert (ids.shape, ids.dtype, lengths.dtype) == ((2, 25), torch.int64, torch.int64)
    assert ids[:, :4].tolist() == [[11, 1, 36, 0], [0, 0, 0, 0]]
    assert ids[:, 3:].count_nonzero() == 0
    assert lengths.tolist() == [3, 0]


@pytest.mark.parametrize("label", ["Hello", "a" * 26, "a b"])
def test_a_label_that_would_be_excluded_cannot_be_encoded(label: str) -> None:
    with pytest.raises(ValueError, match=r"is longer than 25 characters|outside the charset"):
        encode(["good", label])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 8).flatmap(lambda t: st.lists(st.lists(st.integers(0, 3), min_size=t, max_size=t), max_size=4)))
def test_greedy_decoding_drops_repeats_then_blanks(rows: list[list[int]]) -> None:
    expected = ["".join("abc"[key - 1] for key, _ in itertools.groupby(row) if key) for row in rows]
    assert [greedy_decode(row, "abc") for row in rows] == expected
    if rows:
        assert greedy_decode(torch.tensor(rows, dtype=torch.int64).view(len(rows), -1), "abc") == expected


@pytest.mark.parametrize("ids", [[[[1]]], [37], [-1]])
def test_ids_that_cannot_be_decoded(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="ids must"):
        greedy_decode(ids)


def test_the_confidence_is_the_product_of_the_best_probabilities() -> None:
    logits = torch.tensor([[[1.0, 3.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    expected = torch.tensor([torch.sigmoid(torch.tensor(2.0)) / 2, 0.25])
    torch.testing.assert_close(confidences(logits), expected)
    assert confidences(logits.half()).dtype == torch.float32
