"""Folders of annotated images in both layouts, made for a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from ocr_models.detection.paddleocr import LABEL_FILES
from ocr_models.task import Split
from pictures import write_image

SQUARE = "10,10,60,10,60,40,10,40"


def official(root: Path, lines: Mapping[str, str | bytes], split: Split = "train") -> Path:
    """A set in the official layout: image name -> content of its annotation file."""
    images, annotations = (root / folder for folder in OFFICIAL_FOLDERS[split])
    images.mkdir(parents=True)
    annotations.mkdir()
    for name, content in lines.items():
        write_image(images / f"{name}.jpg")
        encoded = content if isinstance(content, bytes) else content.encode("utf-8-sig")
        (annotations / f"gt_{name}.txt").write_bytes(encoded)
    return root


def paddleocr(root: Path, lines: list[str], split: Split = "train") -> Path:
    """A label file, without images."""
    root.mkdir(parents=True, exist_ok=True)
    (root / LABEL_FILES[split]).write_text("".join(line + "\n" for line in lines), "utf-8")
    return root


def texts(*items: tuple[str, list[Any]]) -> str:
    """The JSON list of a line of a label file."""
    return json.dumps([{"transcription": text, "points": points} for text, points in items])
