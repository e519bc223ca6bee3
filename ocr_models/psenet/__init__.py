"""PSENet: a text detector that predicts shrunken texts, "kernels", and expands them (Wang et al., CVPR 2019)."""

from __future__ import annotations

from ocr_models.psenet.expansion import expand_kernels
from ocr_models.psenet.loss import PSENetLoss
from ocr_models.psenet.model import PSENet
from ocr_models.psenet.official_weights import load_official_checkpoint, load_official_state_dict
from ocr_models.psenet.targets import draw_targets, shrink_polygon

__all__ = [
    "PSENet",
    "PSENetLoss",
    "draw_targets",
    "expand_kernels",
    "load_official_checkpoint",
    "load_official_state_dict",
    "shrink_polygon",
]
