"""A synthetic set of word images, used if no real one is given. Its images cost the loader as much as real ones.

It is made once, as LMDB, and read by the same reader as real data. The words of the held-out split do not occur in the
training split, so that accuracy on it means reading.

The fonts are those that matplotlib contains, with their licences: DejaVu (Bitstream Vera Fonts Copyright, Arev Fonts
Copyright; changes in the public domain) and STIX (SIL Open Font License 1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import lmdb
import matplotlib
import numpy as np
import PIL

from ocr_models.errors import DataError
from ocr_models.made_once import made_once, making
from ocr_models.recognition.lmdb_words import COUNT_KEY, image_key, label_key
from ocr_models.recognition.processes import in_processes
from ocr_models.recognition.vocabulary import made_up_words
from ocr_models.recognition.word_samples import Job, Sample, draw_samples

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

GENERATOR_VERSION = 1
"""Increase it with every change of the words or pictures, so that an older set is not mistaken for the new one."""

SPLITS: tuple[Split, ...] = ("train", "test")
IMAGES_PER_JOB = 200
BYTES_PER_IMAGE = 2**14
"""Room in the map of the LMDB: several times the average."""


class _Counts(NamedTuple):
    """The arguments of `synthetic_words`."""

    images: int
    test_images: int
    words: int
    test_words: int


def synthetic_words(
    cache_dir: Path | None = None,
    *,
    images: int = 20_000,
    test_images: int = 400,
    words: int = 20_000,
    test_words: int = 300,
    seed: int = 0,
) -> Path:
    """The folder of a synthetic set: `train` and `test`, each an LMDB; made on first use, in seconds.

    A label has 2 to 12 letters or digits; half of the words are in lower case, a quarter in capitals, a quarter begins
    with a capital. There is no punctuation: the rules of CRNN and PARSeq exclude nothing.

    The same arguments give the same bytes with the same versions of OpenCV, Pillow, matplotlib, numpy and lmdb,
    whatever the number of cores. Processes that start together make the set once, and no process ever finds an
    incomplete set. Processes are started to draw larger sets: a script needs `if __name__ == "__main__"`.

    Args:
        cache_dir: folder that contains the sets; default: the cache of `ocr_models.cache`.
        images: of the training split.
        test_images: of the held-out split.
        words: of the training split, all different; they are used in turn.
        test_words: of the held-out split, as `words`; none of them is a word of the training split in another case.
            0: the held-out split has other images of the training words.
        seed: of words and pictures.

    Raises:
        DataError: if the cache cannot be written.
    """
    counts = _Counts(images, test_images, words, test_words)
    versions = (cv2.__version__, PIL.__version__, matplotlib.__version__, np.__version__, lmdb.__version__)
    identity = f"{GENERATOR_VERSION} {versions} {counts} {seed}"
    return made_once("words", identity, lambda folder: _make(folder, counts, seed), cache_dir)


def many_synthetic_words() -> Path:
    """A larger set, 100,000 images of as many words, made on first use: for models that learn to read slowly."""
    return synthetic_words(images=100_000, words=100_000)


def few_synthetic_words() -> Path:
    """64 images of as many words, to be learnt by heart; the held-out split has other images of these words."""
    return synthetic_words(images=64, words=64, test_images=64, test_words=0)


def _make(root: Path, counts: _Counts, seed: int) -> None:
    texts = _texts(counts, seed)
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
    jobs = {
        split: [
            Job(fonts, (seed, number), first + 1, texts[split][first : first + IMAGES_PER_JOB])
            for first in range(0, len(texts[split]), IMAGES_PER_JOB)
        ]
        for number, split in enumerate(SPLITS)
    }
    with (
        making("a synthetic data set", root, counts.images + counts.test_images) as advance,
        closing(in_processes(draw_samples, [job for split in SPLITS for job in jobs[split]])) as drawn,
    ):
        try:
            for split, own in jobs.items():
                _write(root / split, zip(own, islice(drawn, len(own)), strict=True), len(texts[split]), advance)
        except lmdb.Error as error:
            raise OSError(0, str(error)) from error
        except BrokenExecutor as error:
            reason = "a process that draws the synthetic set was killed; is memory short?"
            raise DataError(f"{root}: {reason}") from error


def _texts(counts: _Counts, seed: int) -> dict[Split, list[str]]:
    """The word of each image."""
    words = made_up_words(counts.test_words + counts.words, seed)
    test, train = words[: counts.test_words], words[counts.test_words :]
    return {
        "train": [train[number % len(train)] for number in range(counts.images)],
        "test": [(test or train)[number % len(test or train)] for number in range(counts.test_images)],
    }


def _write(
    folder: Path, drawn: Iterator[tuple[Job, list[Sample]]], count: int, advance: Callable[[int], object]
) -> None:
    """Write an LMDB in the layout of the recognisers' public training sets."""
    map_size = 2**20 + count * BYTES_PER_IMAGE  # of addresses: the file is as large as its content
    with lmdb.open(str(folder), map_size=map_size, lock=False, sync=False) as environment:
        for job, samples in drawn:
            with environment.begin(write=True) as transaction:
                for number, (encoded, label) in enumerate(samples, job.first):
                    transaction.put(image_key(number).encode(), encoded)
                    transaction.put(label_key(number).encode(), label.encode())
            advance(len(samples))
        with environment.begin(write=True) as transaction:
            transaction.put(COUNT_KEY.encode(), b"%d" % count)
        environment.sync(True)  # before the folder gets its name: after a power failure it must not be incomplete
