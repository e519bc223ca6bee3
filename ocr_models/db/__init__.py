"""DB: a text detector that learns with a differentiable threshold (Liao et al., AAAI 2020)."""

from __future__ import annotations

from ocr_models.db.postprocessing import boxes, polygons

__all__ = ["boxes", "polygons"]
