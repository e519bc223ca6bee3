"""Zip archives as the ICDAR 2015 protocol reads them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

SQUARE = "0,0,10,0,10,10,0,10"
FAR_AWAY = "50,50,60,50,60,60,50,60"


def packed(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
