"""Labels, orders of reading, masks and loss against numbers of the implementation that the recipe follows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from ocr_models.parseq import (
    CHARSET,
    adapt,
    attention_masks,
    decode,
    draw_permutations,
    encode,
    permuted_loss,
    trained_label,
)
from ocr_models.recognition.labels import ExcludedLabelError
from parity import PARSEQ_FOLDER, arrays, cases, needs_parseq_numbers

pytestmark = needs_parseq_numbers

CHARSETS = {"94": CHARSET, "62": CHARSET[:62], "36": CHARSET[:36]}


def stored(name: str) -> Any:
    return json.loads((PARSEQ_FOLDER / name).read_text())


def test_labels_are_encoded() -> None:
    given = stored("text.json")
    assert given["charset"] == CHARSET
    for case in given["encode"]:
        assert encode(case["labels"]).tolist() == case["ids"]
    for label, _ in given["encode_errors"]:
        with pytest.raises(ValueError, match="not in the charset"):
            encode([label])


def test_logits_are_decoded() -> None:
    for case in stored("text.json")["decode"]:
        ids = case["ids"]
        logits = torch.randn((1, len(ids), 95), generator=torch.Generator().manual_seed(case["seed"]))
        logits[0, range(len(ids)), ids] = 6 + 0.1 * torch.arange(len(ids))
        texts, confidences = decode(logits)
        assert texts == [case["text"]]
        assert confidences.tolist() == pytest.approx([case["confidence"]], rel=1e-5)


def test_labels_are_adapted_to_a_charset() -> None:
    for charset in stored("text.json")["adapter"]:
        for label, adapted in charset["cases"]:
            assert adapt(label, charset["charset"]) == adapted


@pytest.mark.parametrize("charset", CHARSETS)
def test_labels_that_are_trained_on(charset: str) -> None:
    given = stored("text.json")
    kept = dict(given["dataset_kept"][charset])
    for index, raw in enumerate(given["dataset_raw"]):
        if index in kept:
            assert trained_label(raw, CHARSETS[charset]) == kept[index]
        else:
            with pytest.raises(ExcludedLabelError):
                trained_label(raw, CHARSETS[charset])


def test_masks() -> None:
    for case in stored("masks.json"):
        for name, mask in zip(("content_mask", "query_mask"), attention_masks(torch.tensor(case["perm"])), strict=True):
            assert mask.dtype == torch.bool
            assert ["".join(map(str, row)) for row in mask.int().tolist()] == case[name]


def test_drawn_orders() -> None:
    for case in stored("permutations.json"):
        count = case.get("options", {"perm_num": 6}).get("perm_num", 6)
        if case.get("options", {}).keys() > {"perm_num"} and count > 1:
            continue  # what this package does not offer
        drawn = [draw_permutations(case["chars"], torch.Generator().manual_seed(seed), count) for seed in range(30)]
        assert {len(rows) for rows in drawn} == {case["count"]}
        if "all_rows_seen" in case:
            assert sorted({tuple(row) for rows in drawn for row in rows.tolist()}) == [
                tuple(row) for row in case["all_rows_seen"]
            ]
        for rows in (*(each.tolist() for each in drawn), case["example"]):
            assert rows[:2] == case["example"][:2]
            assert all(a[1:-1] == b[-2:0:-1] for a, b in zip(rows[2::2], rows[3::2], strict=True))


LOSSES = sorted(cases(PARSEQ_FOLDER / "loss.npz").keys() - {"labels_json"}) if PARSEQ_FOLDER.is_dir() else []


@pytest.mark.parametrize("case", LOSSES)
def test_loss_and_gradient(case: str) -> None:
    given = cases(PARSEQ_FOLDER / "loss.npz")[case]
    labels = json.loads(str(arrays(PARSEQ_FOLDER / "loss.npz")["labels_json"]))[case]
    generator = torch.Generator().manual_seed(int(given["logits_seed"]))
    logits = torch.randn(given["logits_shape"].tolist(), generator=generator, requires_grad=True)
    targets = torch.from_numpy(given["tgt"])
    assert torch.equal(encode(labels), targets)
    loss = permuted_loss(logits, targets, torch.from_numpy(given["perms"]))
    loss.backward()
    assert logits.grad is not None
    assert loss.item() == pytest.approx(float(given["loss"]), rel=1e-5)
    if "grad" in given:
        np.testing.assert_allclose(logits.grad, given["grad"], atol=1e-5, rtol=0)
    else:
        np.testing.assert_allclose(logits.grad.norm(dim=-1), given["grad_per_position_norm"], atol=1e-5, rtol=0)
