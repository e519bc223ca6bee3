"""Pieces of the first look on the device."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.first_look import operations
from benchmarks.first_look.findings import read_findings


def operations_in_doubt(folder: str) -> dict[str, float | str]:
    """Name -> value of what the piece finds with small sizes."""
    before = torch.backends.cudnn.benchmark
    path = Path(folder) / "found.jsonl"
    try:
        given = ("--device", "cuda", "--small", "--model", "psenet", "--folder", folder, "--findings", str(path))
        operations.main(given)
    finally:
        torch.backends.cudnn.benchmark = before
    return {each.name: each.value for each in read_findings(path)}
