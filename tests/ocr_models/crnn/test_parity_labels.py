"""Labels, greedy decoding and scores against what the reference implementation says."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from ocr_models.crnn import CHARSET, SENSITIVE_CHARSET, confidences, encode, greedy_decode, trained_label
from ocr_models.recognition.labels import ExcludedLabelError, adapt
from ocr_models.recognition.metrics import one_minus_ned, word_accuracy
from parity import CRNN_FOLDER, needs_crnn_numbers

CHARSETS = {"36": CHARSET, "94": SENSITIVE_CHARSET}


def read(name: str) -> Any:
    return json.loads((CRNN_FOLDER / name).read_text())


@needs_crnn_numbers
def test_charsets() -> None:
    assert {number: read("labels.json")[f"charset{number}"] for number in CHARSETS} == CHARSETS


@needs_crnn_numbers
def test_encoded_labels() -> None:
    for case in read("labels.json")["encode"]:
        ids, lengths = encode([case["label"]], CHARSETS[case["charset"]])
        assert (ids.tolist(), lengths.tolist()) == ([case["ids"]], [case["length"]])


@needs_crnn_numbers
def test_labels_that_cannot_be_encoded() -> None:
    for label, _ in read("labels.json")["encode_errors"]:
        with pytest.raises(ValueError, match="the label"):
            encode([label])


@needs_crnn_numbers
@pytest.mark.parametrize(("mode", "charset"), [("default36", CHARSET), ("sensitive94", SENSITIVE_CHARSET)])
def test_labels_that_are_trained_on(mode: str, charset: str) -> None:
    stored = read("labels.json")
    kept = dict(stored["kept"][mode])
    for index, raw in enumerate(stored["raw_labels"]):
        if index in kept:
            assert trained_label(raw, charset) == kept[index]
        else:
            with pytest.raises(ExcludedLabelError):
                trained_label(raw, charset)


@needs_crnn_numbers
def test_labels_without_the_characters_outside_the_charset() -> None:
    stored = read("labels.json")
    kept = stored["kept"]["filtering_off36"]
    assert [[index, adapt(raw, CHARSET)] for index, raw in enumerate(stored["raw_labels"])] == kept


@needs_crnn_numbers
def test_greedy_decoding() -> None:
    for case in read("decode.json"):
        assert greedy_decode(case["ids"]) == case["text"]


@needs_crnn_numbers
@pytest.mark.parametrize("name", ["all_right", "fixed", "from_logits", "seeded", "sensitive"])
def test_scores(name: str) -> None:
    case = read("metrics.json")[name]
    predictions, truths = case["predictions"], case["gt"]
    assert 100 * word_accuracy(predictions, truths) == pytest.approx(case["accuracy_percent"])
    assert one_minus_ned(predictions, truths) == pytest.approx(case["norm_ed"])


@needs_crnn_numbers
def test_scores_in_lower_case_without_what_is_not_alphanumeric() -> None:
    case = read("metrics.json")["sensitive_filtering_off"]
    predictions, truths = ([adapt(text, CHARSET) for text in case[key]] for key in ("pred", "gt"))
    assert 100 * word_accuracy(predictions, truths) == pytest.approx(case["accuracy_percent"])
    assert one_minus_ned(predictions, truths) == pytest.approx(case["norm_ed"])


@needs_crnn_numbers
def test_predictions_and_confidences_from_logits() -> None:
    case = read("metrics.json")["from_logits"]
    generator = torch.Generator().manual_seed(case["logits_seed"])
    logits = torch.randn((5, 26, 37), generator=generator) * 3
    assert greedy_decode(logits.argmax(2)) == case["predictions"]
    torch.testing.assert_close(confidences(logits), torch.tensor(case["confidence"]), rtol=1e-5, atol=0)
