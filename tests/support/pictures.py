"""Image files for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_image(path: Path, height: int = 48, width: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(0, 255, height * width * 3).reshape(height, width, 3)
    path.write_bytes(cv2.imencode(path.suffix, ramp.astype(np.uint8))[1].tobytes())  # imwrite cannot write any name
    return path
