"""CRNN: a text recogniser; convolutions, a bidirectional LSTM and CTC (Shi, Bai and Yao, TPAMI 2017)."""

from __future__ import annotations

from ocr_models.crnn.model import CRNN
from ocr_models.crnn.reference_weights import load_reference_state_dict

__all__ = ["CRNN", "load_reference_state_dict"]
