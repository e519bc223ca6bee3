"""Pieces of the first look on the device."""

from __future__ import annotations

from pathlib import Path

from benchmarks.first_look import operations
from benchmarks.first_look.findings import read_findings


def operations_in_doubt(folder: str) -> dict[str, float | str]:
    """Name -> value of what the piece finds with small sizes."""
    path = Path(folder) / "found.jsonl"
    given = ("--device", "cuda", "--small", "--model", "psenet", "--folder", folder, "--findings", str(path))
    operations.main(given)
    return {each.name: each.value for each in read_findings(path)}
