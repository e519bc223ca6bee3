"""DB: a text detector whose network learns its own binarization thresholds (Liao et al., AAAI 2020).

Modules have the names of PaddleBenchmark/DBNet.pytorch, so its weights load as they are.
"""

from __future__ import annotations

from ocr_models.checkpoint import load_weights as load_reference_state_dict
from ocr_models.db.loss import DBLoss
from ocr_models.db.model import DBNet
from ocr_models.db.postprocessing import boxes, polygons
from ocr_models.db.targets import draw_targets

__all__ = ["DBLoss", "DBNet", "boxes", "draw_targets", "load_reference_state_dict", "polygons"]
