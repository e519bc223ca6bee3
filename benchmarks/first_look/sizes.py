"""The options of the pieces that import torch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.cases import MATRIX
from benchmarks.first_look.findings import FindingsFile
from ocr_models import MODELS


@dataclass(frozen=True)
class Sizes:
    """How large the operations and steps are.

    Attributes:
        matmul: rows of a square matrix; None for those of the cases.
        batch: samples of an operation's input.
        repeats: timed calls of an operation, or steps.
        convolutions: input and output channels of each.
        pyramid: channels of a pyramid level.
    """

    matmul: int | None
    batch: int
    repeats: int
    convolutions: tuple[tuple[int, int], ...]
    pyramid: int


FULL = Sizes(matmul=None, batch=16, repeats=10, convolutions=((1024, 256), (64, 64)), pyramid=256)
SMALL = Sizes(matmul=128, batch=2, repeats=2, convolutions=((16, 8),), pyramid=8)
"""To try the command: these figures say nothing about a GPU."""


@dataclass(frozen=True)
class PieceOptions:
    """What every piece gets."""

    device: Literal["cuda", "cpu"]
    model: str
    small: bool
    data: Path | None
    folder: Path
    findings: FindingsFile

    @property
    def sizes(self) -> Sizes:
        return SMALL if self.small else FULL

    @property
    def batch_size(self) -> int:
        """As the function of this name."""
        return batch_size(self.model, small=self.small)

    @property
    def image_side(self) -> int | None:
        """As the function of this name."""
        return image_side(self.model, small=self.small)


def batch_size(model: str, *, small: bool) -> int:
    """Samples of a step: as many as the model's largest listed case has on one GPU."""
    if small:
        return SMALL.batch
    listed = [case.batch_size for case in MATRIX if case.model == model and case.gpu_count == 1]
    return max(listed, default=FULL.batch)


def image_side(model: str, *, small: bool) -> int | None:
    """Side of the training image in pixels, as the cases have it; None if the model has a fixed input size."""
    sizes = MODELS[model].image_sizes
    if sizes is None:
        return None
    return sizes.smallest if small else sizes.cuda


def piece_options(arguments: Sequence[str] | None = None) -> PieceOptions:
    """Read the command line of a piece, which `pieces` writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="for files")
    parser.add_argument("--findings", type=Path, required=True, help="file for figures")
    given = parser.parse_args(arguments)
    return PieceOptions(given.device, given.model, given.small, given.data, given.folder, FindingsFile(given.findings))
