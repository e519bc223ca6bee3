"""Training samples as the loader receives them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

import parity
from ocr_models.machine_code import compiled
from ocr_models.parseq import interpolation_loops, pixel_loops
from ocr_models.parseq.dataset import PARSeqDataset, label_tokens, network_image
from ocr_models.parseq.labels import CHARSET, encode, trained_label
from ocr_models.recognition import Word, read_word_set
from ocr_models.recognition.layers import Normalise
from word_files import write_lmdb

LABELS = ["Word", "x", "abcdefghijklmnopqrstuvwxy", "A-1!"]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[Word]:
    folder = tmp_path_factory.mktemp("words")
    write_lmdb(folder / "train", LABELS)
    return list(read_word_set(folder, "train", trained_label).words)


def test_a_sample_is_image_tokens_and_two_orders(words: list[Word]) -> None:
    dataset = PARSeqDataset(words, seed=0)
    assert len(dataset) == 4
    for position in range(12):
        image, tokens, orders = dataset[position % 4, position]
        assert (image.shape, image.dtype) == ((3, 32, 128), torch.uint8)
        assert (orders.shape, orders.dtype) == ((2, 25), torch.uint8)
        assert orders.sort(1).values.tolist() == [list(range(25))] * 2
        assert tokens.tolist() == encode([LABELS[position % 4]], width=27)[0].tolist()


def test_samples_can_be_collated(words: list[Word]) -> None:
    dataset = PARSeqDataset(words, seed=0)
    images, tokens, orders = default_collate([dataset[0, 0], dataset[1, 1]])
    assert (images.shape, tokens.shape, orders.shape) == ((2, 3, 32, 128), (2, 27), (2, 2, 25))


def test_seed_and_position_make_the_sample(words: list[Word]) -> None:
    def samples(seed: int, first: int) -> list[list[int]]:
        dataset = PARSeqDataset(words, seed=seed)
        drawn = [dataset[0, position] for position in range(first, first + 8)]
        return [[*image.flatten().tolist(), *orders.flatten().tolist()] for image, _, orders in drawn]

    assert samples(0, 5) == samples(0, 5)
    assert samples(0, 5) != samples(1, 5)
    assert samples(0, 5)[1:] == samples(0, 6)[:-1]
    orders = {tuple(sample[-50:]) for sample in samples(0, 5)}
    assert len(orders) == 8


def test_without_augmentation_the_image_is_the_stretched_one_and_the_orders_stay_random(words: list[Word]) -> None:
    plain, usual = PARSeqDataset(words, seed=0, augment=False), PARSeqDataset(words, seed=0)
    expected = torch.from_numpy(network_image(words[0].load()))
    assert all(torch.equal(plain[0, position][0], expected) for position in range(8))
    assert not all(torch.equal(usual[0, position][0], expected) for position in range(8))
    assert all(torch.equal(plain[0, position][2], usual[0, position][2]) for position in range(8))


def test_each_position_of_an_order_is_equally_likely(words: list[Word]) -> None:
    dataset = PARSeqDataset(words[:1], seed=0)
    orders = np.stack([dataset[0, position][2].numpy() for position in range(400)])  # (400, 2, 25)
    counts = np.bincount(orders[..., 0].ravel(), minlength=25)
    assert abs(counts - 32).max() < 5 * np.sqrt(32)


def test_the_stages_of_a_sample_are_named(words: list[Word]) -> None:
    stages: list[str] = []
    PARSeqDataset(words, seed=0).make((0, 0), stages.append)
    assert stages == ["decode", "warp", "labels"]


def test_an_image_is_stretched_as_by_pillow() -> None:
    rng = np.random.default_rng(0)
    for height, width in ((32, 128), (48, 160), (20, 35), (90, 60), (1, 1)):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        expected = np.asarray(Image.fromarray(image).resize((128, 32), Image.Resampling.BICUBIC))
        assert np.abs(network_image(image).astype(int) - expected.transpose(2, 0, 1)).max() <= 1


@parity.needs_parseq_numbers
def test_an_image_is_stretched_as_by_the_original() -> None:
    images = parity.cases(parity.PARSEQ_FOLDER / "preprocess.npz")
    for case in images.values():
        assert np.array_equal(network_image(case["image"]), case["resized"])
    expected = images["0"]["tensor"]  # of the first rows
    found = Normalise()(torch.from_numpy(network_image(images["0"]["image"])))
    np.testing.assert_allclose(found[:, : expected.shape[1]], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("label", ["", CHARSET[:25], CHARSET[25:50], CHARSET[50:75], CHARSET[75:]])
def test_tokens_are_those_of_the_batch_encoder(label: str) -> None:
    assert label_tokens(label).tolist() == encode([label], width=27)[0].tolist()


@pytest.mark.parametrize("label", ["a" * 26, "a b", "é", "ÿ", "文", "\x00"])
def test_a_label_that_is_not_trained_on_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="no label that PARSeq is trained on"):
        label_tokens(label)


def test_all_loops_are_compiled_before_the_first_sample(words: list[Word]) -> None:
    """The processes of the loader start afterwards; each of them would compile for itself."""
    PARSeqDataset(words, seed=0)
    loops = [*vars(pixel_loops).values(), *vars(interpolation_loops).values()]
    own: list[Any] = [compiled(loop) for loop in loops if inspect.isfunction(loop)]
    assert len(own) == 10
    assert all(machine_code.signatures for machine_code in own)
