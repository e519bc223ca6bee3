"""A synthetic data set that stands in where no real one is given, and that costs the loader what real images cost.

It is made once, in the official ICDAR 2015 layout, and read back by the same reader as real data.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from ocr_models.cache import default_cache_dir
from ocr_models.data.icdar2015 import OFFICIAL_FOLDERS, DataError, Split
from ocr_models.data.scene import SceneMaker

GENERATOR_VERSION = 1
"""To be raised with every change of what is drawn, so that no older set is taken for the new one."""

JPEG_QUALITY = 75


def synthetic_set(cache_dir: Path | None = None, *, images: int = 100, test_images: int = 30, seed: int = 0) -> Path:
    """The folder of a synthetic set with a training and a held-out test split; made on first use, in a few seconds.

    The same arguments give the same pictures under the same OpenCV. Processes that start together make the set once,
    and it is never seen half made. Raises DataError where the cache cannot be written.
    """
    cache_dir = cache_dir or default_cache_dir()
    counts: dict[Split, int] = {"train": images, "test": test_images}
    what = f"{GENERATOR_VERSION} {cv2.__version__} {counts} {seed}"
    root = cache_dir / f"synthetic-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
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
            "set XDG_CACHE_HOME to a folder that can, or name a data set of your own"
        ) from error
    return root


def _make(root: Path, counts: dict[Split, int], seed: int) -> None:
    """Builds the set beside its place and renames it into it."""
    unfinished = root.with_name(f"{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # from a run that was killed; the lock says that none is at work
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
    (root / image_folder / f"img_{number}.jpg").write_bytes(encoded.tobytes())
    lines = [",".join(map(str, word.corners.ravel().tolist())) + f",{word.transcription}\r\n" for word in words]
    annotation = root / annotation_folder / f"gt_img_{number}.txt"
    annotation.write_bytes("".join(lines).encode("utf-8-sig"))


def main() -> int:
    """Make the set where it is not yet made, and print its folder, or what stands in the way."""
    try:
        print(synthetic_set())
    except DataError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
