"""The folder of everything that is made once and kept: data sets, decoded images, compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path

from ocr_models.errors import DataError


def default_cache_dir() -> Path:
    """$XDG_CACHE_HOME/ocr_models if the variable is set, else ~/.cache/ocr_models.

    Raises:
        DataError: if there is neither: a user of a container may have no account, and HOME may be unset.
    """
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "ocr_models"
    try:
        return Path.home() / ".cache" / "ocr_models"
    except RuntimeError:
        raise DataError("no home directory for the cache: set XDG_CACHE_HOME to a writable folder") from None
