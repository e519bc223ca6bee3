"""CRNN: a text recogniser; convolutions, a bidirectional LSTM and CTC (Shi, Bai and Yao, TPAMI 2017)."""

from __future__ import annotations

from ocr_models.crnn.ctc import ctc_loss
from ocr_models.crnn.labels import CHARSET, SENSITIVE_CHARSET, confidences, encode, greedy_decode, trained_label
from ocr_models.crnn.model import CRNN
from ocr_models.crnn.reference_weights import load_reference_state_dict

__all__ = [
    "CHARSET",
    "CRNN",
    "SENSITIVE_CHARSET",
    "confidences",
    "ctc_loss",
    "encode",
    "greedy_decode",
    "load_reference_state_dict",
    "trained_label",
]
