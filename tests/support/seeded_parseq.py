"""PARSeq networks with the seeded weights of the folder of expected numbers."""

from __future__ import annotations

import json

from ocr_models.parseq import PARSeq, load_reference_state_dict
from parity import PARSEQ_FOLDER
from seeded import seeded_entry

NAMES = {"parseq": "parseq", "parseqtiny": "parseq-tiny"}
"""Size of the network -> its name in the folder."""


def reference_keys(size: str) -> list[tuple[str, list[int]]]:
    """Names and shapes of the reference's state dict, in its order."""
    entries = json.loads((PARSEQ_FOLDER / f"state_dict_keys_{NAMES[size]}.json").read_text())
    return [(key, shape) for key, shape in entries]


def seeded_model(size: str, seed: int) -> PARSeq:
    """Without dropout."""
    model = PARSeq(size, dropout=0)
    entries = {key: seeded_entry(key, shape, seed + i) for i, (key, shape) in enumerate(reference_keys(size))}
    load_reference_state_dict(model, entries)
    return model
