"""Defects of a model that the reference check of its step catches, in full and in half precision.

They are planted in the smallest model that has the code: a CPU without AVX-512 takes 5 to 60 s for a step in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from msgspec import structs
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.reference import TOLERANCES
from benchmarks.harness.results.checks.ranks import wrong_result
from benchmarks.harness.worker.probes.reference_check import reference_check
from checked_steps import CPU, judged
from ocr_models.crnn import CRNN
from ocr_models.crnn.prepare import PrepareBatch as CRNNBatch
from ocr_models.crnn.recurrent import RecurrentLayer
from ocr_models.db import DBLoss, DBNet
from ocr_models.db import dataset as db_dataset
from ocr_models.db.head import Heads
from ocr_models.db.prepare import PrepareBatch
from ocr_models.parseq import loss as parseq_loss
from ocr_models.parseq import model as parseq_model
from ocr_models.parseq import permutations as parseq_permutations
from ocr_models.parseq.decoder import Decoder
from ocr_models.parseq.encoder import Encoder
from ocr_models.psenet import dataset as psenet_dataset
from ocr_models.psenet.model import FeaturePyramid
from ocr_models.psenet.task import Criterion

Plant = Callable[[pytest.MonkeyPatch], None]


pytestmark = pytest.mark.usefixtures("one_thread")


def change(owner: type, name: str, changed: Callable[[Any], Any]) -> Plant:
    """A function of a class returns something else."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        whole = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda self, *given: changed(whole(self, *given)))

    return plant


def without_kernels(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    return losses | {"loss": losses["loss"] - losses["loss_kernels"].mean()}


def without_thresholds(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    return losses | {"loss": losses["loss"] - 10 * losses["loss_threshold"]}


def detach(name: str) -> Plant:
    """Stop the gradient after a part of PSENet's pyramid."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        make = FeaturePyramid.__init__

        def detached(self: FeaturePyramid, *arguments: Any) -> None:
            make(self, *arguments)
            part: nn.Module = getattr(self, name)
            part.register_forward_hook(lambda *seen: seen[-1].detach())

        monkeypatch.setattr(FeaturePyramid, "__init__", detached)

    return plant


def change_labels(dataset: ModuleType, changed: Callable[[Any], Any]) -> Plant:
    """The label maps of every sample are different ones."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        draw = dataset.draw_crop_targets
        monkeypatch.setattr(dataset, "draw_crop_targets", lambda *given: changed(draw(*given)))

    return plant


def move_labels(rows: int, columns: int) -> Plant:
    return change_labels(psenet_dataset, lambda packed: np.roll(packed, (rows, columns), axis=(0, 1)))


def balance_each_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """DB's sums run over each image, not over the whole batch."""
    whole = DBLoss.forward

    def by_image(self: DBLoss, *given: Tensor) -> dict[str, Tensor]:
        each = [whole(self, *image) for image in zip(*(tensor.split(1) for tensor in given), strict=True)]
        return {name: torch.stack([losses[name] for losses in each]).mean() for name in each[0]}

    monkeypatch.setattr(DBLoss, "forward", by_image)


def set_constant(module: ModuleType, name: str, value: int) -> Plant:
    return lambda monkeypatch: monkeypatch.setattr(module, name, value)


def invert_query_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """True means that a position may be looked at."""
    masks = parseq_permutations.attention_masks

    def inverted(permutation: Tensor) -> tuple[Tensor, Tensor]:
        content, query = masks(permutation)
        return content, ~query

    monkeypatch.setattr(parseq_model, "attention_masks", inverted)


def shorten(prepared: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
    """The lengths of CRNN's labels are off by one."""
    images, targets = prepared
    return images, targets._replace(lengths=(targets.lengths - 1).clamp(min=0))


DEVIATES = "of a step on fixed weights and images is"
DEFECTS: dict[str, tuple[str, Plant, str]] = {
    "psenet: a loss term is skipped": (
        "psenetr18",
        change(Criterion, "forward", without_kernels),
        "the loss of a step",
    ),
    "psenet: the lateral branch is detached": ("psenetr18", detach("latlayer2_"), "of 96 parameters get a gradient"),
    "psenet: the top of the pyramid is detached": ("psenetr18", detach("toplayer_"), "of 96 parameters get a gradient"),
    "psenet: labels 1 px too low": ("psenetr18", move_labels(1, 0), DEVIATES),
    "psenet: labels 4 px too low": ("psenetr18", move_labels(4, 0), DEVIATES),
    "psenet: labels 4 px too high": ("psenetr18", move_labels(-4, 0), DEVIATES),
    "psenet: labels 4 px to the right": ("psenetr18", move_labels(0, 4), DEVIATES),
    "psenet: labels 4 px to the left": ("psenetr18", move_labels(0, -4), DEVIATES),
    "db: a loss term is skipped": ("dbr18", change(DBLoss, "forward", without_thresholds), "the loss of a step"),
    "db: probability and threshold are swapped": (
        "dbr18",
        change(DBNet, "forward", lambda maps: maps[:, [1, 0, 2]]),
        DEVIATES,
    ),
    "db: the threshold head is detached": (
        "dbr18",
        change(Heads, "forward", lambda logits: (logits[0], logits[1].detach())),
        "parameters get a gradient",
    ),
    "db: thresholds 1 px too low": (
        "dbr18",
        change_labels(db_dataset, lambda maps: (maps[0], np.roll(maps[1], 1, axis=0))),
        DEVIATES,
    ),
    "db: thresholds too high by a hundredth": (
        "dbr18",
        change(PrepareBatch, "forward", lambda made: (made[0], made[1]._replace(threshold_map=made[1][2] + 0.01))),
        DEVIATES,
    ),
    "db: masks 1 px to the right": (
        "dbr18",
        change_labels(db_dataset, lambda maps: (np.roll(maps[0], 1, axis=1), maps[1])),
        DEVIATES,
    ),
    "db: ignored texts are learned": (
        "dbr18",
        change_labels(db_dataset, lambda maps: (maps[0] | 2, maps[1])),
        DEVIATES,
    ),
    "db: each image is balanced by itself": ("dbr18", balance_each_image, DEVIATES),
    "crnn: the blank is the last class": (
        "crnnvgg128",
        change(CRNN, "forward", lambda logits: logits.roll(-1, dims=-1)),
        DEVIATES,
    ),
    "crnn: lengths off by one": ("crnnvgg128", change(CRNNBatch, "forward", shorten), DEVIATES),
    "crnn: the second LSTM is detached": (
        "crnnvgg128",
        change(RecurrentLayer, "forward", lambda states: states.detach()),
        "parameters get a gradient",
    ),
    "parseq: masks are inverted": ("parseqtiny", invert_query_masks, DEVIATES),
    "parseq: the end token is predicted in all orders": (
        "parseqtiny",
        set_constant(parseq_loss, "ROWS_WITH_END", 6),
        DEVIATES,
    ),
    "parseq: the decoder is detached": (
        "parseqtiny",
        change(Decoder, "forward", lambda decoded: decoded.detach()),
        "parameters get a gradient",
    ),
    "parseq: the memory is detached": (
        "parseqtiny",
        change(Encoder, "forward", lambda memory: memory.detach()),
        "parameters get a gradient",
    ),
}


ROUNDED = (
    "psenet: a loss term is skipped",
    "db: a loss term is skipped",
    "db: probability and threshold are swapped",
    "crnn: the blank is the last class",
    "parseq: masks are inverted",
    "parseq: the end token is predicted in all orders",
)
"""Defects that change only losses and gradients, which bfloat16 rounds. All others change the targets or the number of
parameters with a gradient, whatever the precision.
"""

HIDDEN_BY_ROUNDING = "db: each image is balanced by itself"
"""It moves the losses by less than is allowed for the rounding of bfloat16."""


def of_each_model(defects: Iterable[str]) -> list[Any]:
    """The first two defects of each model; further ones are exhaustive."""
    found: list[Any] = []
    for defect in defects:
        further = sum(str(each).startswith(defect.partition(":")[0]) for each in found) >= 2
        found.append(pytest.param(defect, marks=pytest.mark.exhaustive) if further else defect)
    return found


@pytest.mark.parametrize("defect", of_each_model(DEFECTS))
def test_a_planted_defect_is_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, plant, message = DEFECTS[defect]
    plant(monkeypatch)
    check = reference_check(parse_case(f"{model}_sp_bs2_fp32_cpu1"), CPU)
    assert check is not None
    assert message in (wrong_result(check) or "")
    if defect not in (*ROUNDED, HIDDEN_BY_ROUNDING):
        right = dict.fromkeys(check.deviation.keys() - {"targets"}, 0.0)  # losses and gradient as they should be
        exact = structs.replace(check, deviation=check.deviation | right, tolerance=TOLERANCES["bf16"])
        assert wrong_result(exact) is not None


@pytest.mark.parametrize(
    "defect",
    [pytest.param(defect, marks=[] if defect.startswith("crnn") else pytest.mark.exhaustive) for defect in ROUNDED],
)
def test_a_planted_defect_is_caught_in_bfloat16(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, plant, message = DEFECTS[defect]
    plant(monkeypatch)
    assert message in (judged(model, "bf16") or "")
