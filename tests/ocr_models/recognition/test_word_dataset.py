"""Training samples of words: by position, with any number of workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from ocr_models.recognition import Word, read_word_set
from ocr_models.recognition.word_dataset import WordDataset
from ocr_models.sampler import EndlessSampler
from ocr_models.task import Lap
from word_files import as_annotated, write_lmdb


class Shifted(WordDataset[tuple[Tensor, int, str]]):
    """The image with a random number added, its position and its label."""

    def _sample(self, word: Word, source: NDArray[np.uint8], position: int, lap: Lap) -> tuple[Tensor, int, str]:
        shift = int(self._random(position).integers(256))
        lap("shift")
        return torch.from_numpy(source.astype(np.int64) + shift), position, word.label


def made(folder: Path) -> Shifted:
    return Shifted(read_word_set(write_lmdb(folder, list("abcde")), "train", as_annotated).words, seed=3)


def test_a_sample_depends_on_seed_and_position(tmp_path: Path) -> None:
    dataset = made(tmp_path)
    assert len(dataset) == 5
    one, again, later = dataset[2, 7], dataset[2, 7], dataset[2, 8]
    assert one[0].equal(again[0])
    assert not one[0].equal(later[0])
    assert (one[0].shape, one[1], one[2]) == ((20, 60, 3), 7, "c")
    assert not Shifted(dataset.words, seed=4)[2, 7][0].equal(one[0])


def test_stages_are_reported(tmp_path: Path) -> None:
    laps: list[str] = []
    made(tmp_path).make((0, 0), laps.append)
    assert laps == ["decode", "shift"]


def test_workers_make_the_same_samples(tmp_path: Path) -> None:
    dataset = made(tmp_path)
    dataset.words[0].load()  # the LMDB is open in this process when the worker is forked
    sampler = EndlessSampler(5, seed=0)
    batches = iter(DataLoader(dataset, batch_size=4, sampler=sampler, num_workers=1, multiprocessing_context="fork"))
    images, positions, labels = next(batches)
    assert positions.tolist() == [0, 1, 2, 3]
    for key, image, label in zip(sampler, images, labels, strict=False):
        expected = dataset[key]
        assert image.equal(expected[0])
        assert label == expected[2]
