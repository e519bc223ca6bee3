"""A synthetic data set, used if no real one is given. Its images cost the loader as much as real ones.

It is made once, in the official ICDAR 2015 layout, and read by the same reader as real data.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from ocr_models.cache import default_cache_dir
from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from ocr_models.detection.scene import SceneMaker
from ocr_models.errors import DataError
from ocr_models.files import atomic_write

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
    cache_dir = cache_dir or default_cache_dir()
    counts: dict[Split, int] = {"train": images, "test": test_images}
    identity = f"{GENERATOR_VERSION} {cv2.__version__} {counts} {seed}"
    root = cache_dir / f"synthetic-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if root.is_dir():
        return root
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{root}.lock"):
            if not root.is_dir():
                _make(root, counts, seed)
    except OSError as error:
        raise DataError(
            f"{root}: the synthetic set cannot be written: {error.strerror or error}; "
            "set XDG_CACHE_HOME to a writable folder, or name a data set of your own"
        ) from error
    return root


def _make(root: Path, counts: dict[Split, int], seed: int) -> None:
    """Make the set in a temporary folder next to `root`, then rename that folder."""
    unfinished = root.with_name(f"{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # from a killed process; the lock excludes a running one
    for split in counts:
        for folder in OFFICIAL_FOLDERS[split]:
            (unfinished / folder).mkdir(parents=True)
    maker = SceneMaker(seed)
    jobs = [(split, number) for split, count in counts.items() for number in range(1, count + 1)]
    on_terminal = sys.stderr.isatty()
    if not on_terminal:
        print(f"making a synthetic data set of {len(jobs)} images in {root}", file=sys.stderr)
    with (
        ThreadPoolExecutor(os.cpu_count()) as threads,
        tqdm(total=len(jobs), desc="making a synthetic data set", unit="image", disable=not on_terminal) as progress,
    ):
        for _ in threads.map(lambda job: _write_image(unfinished, maker, seed, *job), jobs):
            progress.update()
    unfinished.rename(root)


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
