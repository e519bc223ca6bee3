"""DB: a text detector whose network learns its own binarization thresholds (Liao et al., AAAI 2020)."""

from __future__ import annotations

from ocr_models.db.postprocessing import boxes, polygons

__all__ = ["boxes", "polygons"]
