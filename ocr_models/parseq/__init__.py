"""PARSeq: a text recogniser; a transformer that learns to read in any order (Bautista and Atienza, ECCV 2022).

Modules have the names of baudm/parseq, so its weights load as they are.
"""

from __future__ import annotations

from ocr_models.checkpoint import load_weights as load_reference_state_dict
from ocr_models.parseq.labels import CHARSET, decode, encode, trained_label
from ocr_models.parseq.loss import permuted_loss
from ocr_models.parseq.model import PARSeq, Size
from ocr_models.parseq.permutations import attention_masks, draw_permutations
from ocr_models.recognition.labels import adapt

__all__ = [
    "CHARSET",
    "PARSeq",
    "Size",
    "adapt",
    "attention_masks",
    "decode",
    "draw_permutations",
    "encode",
    "load_reference_state_dict",
    "permuted_loss",
    "trained_label",
]
