"""The folder of everything that is made once and kept: data sets, decoded images, compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache_dir() -> Path:
    """$XDG_CACHE_HOME/ocr_models if the variable is set, else ~/.cache/ocr_models."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ocr_models"
