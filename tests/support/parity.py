"""Folders of numbers that other implementations computed: tests/golden, and more of the same form if they are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import ROOT

GOLDEN = ROOT / "tests" / "golden"
MORE = ROOT.parent / "shared"

Arrays = dict[str, np.ndarray[Any, Any]]


def folders(golden: str, more: str) -> list[Any]:
    """Parameters for a test: the golden folder, and the folder `more` next to the checkout if it exists."""
    found = [pytest.param(GOLDEN / golden, id="golden")]
    return [*found, pytest.param(MORE / more, id="more")] if (MORE / more).is_dir() else found


_PSENET = folders("psenet", "parity")
PSENET_FOLDERS: list[Path] = [each.values[0] for each in _PSENET]
each_psenet_folder = pytest.mark.parametrize("folder", _PSENET)

DB_FOLDER = MORE / "parity_db"
CRNN_FOLDER = MORE / "parity_crnn"
PARSEQ_FOLDER = MORE / "parity_parseq"
needs_db_numbers, needs_crnn_numbers, needs_parseq_numbers = (
    pytest.mark.skipif(not folder.is_dir(), reason=f"{folder} is not there")
    for folder in (DB_FOLDER, CRNN_FOLDER, PARSEQ_FOLDER)
)


def arrays(path: Path) -> Arrays:
    with np.load(path) as stored:
        return dict(stored)


def unpacked(maps: np.ndarray[Any, Any], width: int) -> np.ndarray[Any, Any]:
    """Maps of 0 and 1 whose last axis is packed into bits -> uint8."""
    return np.unpackbits(maps, axis=-1)[..., :width]


def cases(path: Path) -> dict[str, Arrays]:
    """Arrays of an `.npz` file with keys `<case>.<name>`: case -> name -> array."""
    found: dict[str, Arrays] = {}
    for key, value in arrays(path).items():
        case, _, name = key.partition(".")
        found.setdefault(case, {})[name] = value
    return found
