"""CRNN: a text recogniser; convolutions, a bidirectional LSTM and CTC (Shi, Bai and Yao, TPAMI 2017).

Modules have the names of clovaai/deep-text-recognition-benchmark, so its weights load as they are.
"""

from __future__ import annotations

from ocr_models.checkpoint import load_weights as load_reference_state_dict
from ocr_models.crnn.ctc import ctc_loss
from ocr_models.crnn.labels import CHARSET, SENSITIVE_CHARSET, confidences, encode, greedy_decode, trained_label
from ocr_models.crnn.model import CRNN

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
