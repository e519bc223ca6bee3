"""Where this project keeps what is made once: data sets, decoded images, compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache_dir() -> Path:
    """$XDG_CACHE_HOME/ocr_models, else ~/.cache/ocr_models."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ocr_models"
