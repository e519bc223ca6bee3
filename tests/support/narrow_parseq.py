"""A narrow PARSeq, and the recipe in its plainest form, benchmarks/components/parseq/baseline, with its weights."""

from __future__ import annotations

import dataclasses
import functools

import torch
from torch import Tensor

from benchmarks.components.parseq.baseline.step import BaselinePARSeq
from ocr_models.parseq import PARSeq, Size, draw_permutations

NARROW = Size(dim=24, heads=3, decoder_heads=2, depth=2)
LABELS = ["abc", "x1Y2z"]


@functools.cache
def drawn() -> PARSeq:
    """In float64, with weights so large that texts differ."""
    torch.manual_seed(0)
    model = PARSeq(NARROW).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def baseline() -> BaselinePARSeq:
    model = BaselinePARSeq(**dataclasses.asdict(NARROW), dropout=0.1).double()
    model.load_state_dict(drawn().state_dict())
    return model.eval()


def images(count: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, 32, 128, generator=torch.Generator().manual_seed(seed)).double()


def orders(characters: int) -> Tensor:
    return draw_permutations(characters, torch.Generator().manual_seed(2))
