"""A synthetic data set, used if no real one is given. Its images cost the loader as much as real ones.

It is made once, in the official ICDAR 2015 layout, and read by the same reader as real data.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from ocr_models.detection.scene import SceneMaker
from ocr_models.files import atomic_write
from ocr_models.made_once import made_once, making

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

GENERATOR_VERSION = 1
"""Increase it with every change of the pictures, so that an older set is not mistaken for the new one."""

JPEG_QUALITY = 75


def synthetic_set(cache_dir: Path | None = None, *, images: int = 100, test_images: int = 30, seed: int = 0) -> Path:
    """The folder of a synthetic set with a training and a held-out test split; made on first use, in a few seconds.

    The same arguments give the same pictures with the same version of OpenCV. Processes that start together make the
    set once, and no process ever finds an incomplete set.

    Raises:
        DataError: if the cache cannot be written.
    """
    counts: dict[Split, int] = {"train": images, "test": test_images}
    identity = f"{GENERATOR_VERSION} {cv2.__version__} {counts} {seed}"
    return made_once("synthetic", identity, lambda folder: _make(folder, counts, seed), cache_dir)


def _make(root: Path, counts: dict[Split, int], seed: int) -> None:
    for split in counts:
        for folder in OFFICIAL_FOLDERS[split]:
            (root / folder).mkdir(parents=True)
    maker = SceneMaker(seed)
    jobs = [(split, number) for split, count in counts.items() for number in range(1, count + 1)]
    with (
        making("a synthetic data set", root, len(jobs)) as advance,
        ThreadPoolExecutor(os.cpu_count()) as threads,
    ):
        for _ in threads.map(lambda job: _write_image(root, maker, seed, *job), jobs):
            advance(1)


def _write_image(root: Path, maker: SceneMaker, seed: int, split: Split, number: int) -> None:
    image_folder, annotation_folder = OFFICIAL_FOLDERS[split]
    image, words = maker.draw(np.random.default_rng((seed, list(OFFICIAL_FOLDERS).index(split), number)))
    _, encoded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    # On the disk before the folder gets its name: after a power failure it must not contain empty files.
    with atomic_write(root / image_folder / f"img_{number}.jpg") as file:
        file.write(encoded.tobytes())
    lines = [",".join(map(str, word.corners.ravel().tolist())) + f",{word.transcription}\r\n" for word in words]
    with atomic_write(root / annotation_folder / f"gt_img_{number}.txt") as file:
        file.write("".join(lines).encode("utf-8-sig"))
