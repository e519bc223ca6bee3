"""CRNN's training samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

from ocr_models.crnn import SENSITIVE_CHARSET, trained_label
from ocr_models.crnn.dataset import CRNNDataset, network_image
from ocr_models.crnn.prepare import PrepareBatch
from ocr_models.recognition import read_word_set
from ocr_models.recognition.stretch import grey_of
from parity import CRNN_FOLDER, cases, needs_crnn_numbers
from word_files import write_paddleocr


@pytest.fixture
def dataset(tmp_path: Path) -> CRNNDataset:
    return CRNNDataset(read_word_set(write_paddleocr(tmp_path, ["Ab1", ""]), "train", trained_label).words, seed=0)


def test_a_sample_is_image_classes_and_length(dataset: CRNNDataset) -> None:
    image, classes, length = dataset[0, 0]
    assert (image.shape, image.dtype) == ((1, 32, 100), torch.uint8)
    assert (classes[:4].tolist(), classes.shape, classes.dtype, length) == ([11, 12, 2, 0], (25,), torch.uint8, 3)
    assert dataset[1, 1][2] == 0


def test_the_image_is_made_as_by_pillow(dataset: CRNNDataset) -> None:
    colours = Image.fromarray(dataset.words[0].load())
    expected = colours.convert("L").resize((100, 32), Image.Resampling.BICUBIC)  # 20 x 60 pixels: both grow
    np.testing.assert_array_equal(dataset[0, 0][0][0], np.asarray(expected))


def test_a_charset_decides_the_classes(tmp_path: Path) -> None:
    words = read_word_set(write_paddleocr(tmp_path, ["A~"]), "train", lambda raw: raw).words
    assert CRNNDataset(words, seed=0, charset=SENSITIVE_CHARSET)[0, 0][1][:2].tolist() == [37, 94]


def test_a_data_set_may_keep_the_ratio(dataset: CRNNDataset) -> None:
    keeping = CRNNDataset(dataset.words[:1], seed=0, keep_ratio=True)
    expected = network_image(dataset.words[0].load(), keep_ratio=True)  # 20 x 60 pixels become 32 x 96
    np.testing.assert_array_equal(keeping[0, 0][0], expected)
    assert (dataset[0, 0][0].numpy() != expected).any()


def test_the_stages_of_a_sample(dataset: CRNNDataset) -> None:
    stages: list[str] = []
    dataset.make((0, 0), stages.append)
    assert stages == ["decode", "warp", "labels"]


def test_keeping_the_ratio_repeats_the_last_column() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 21), np.uint8)
    kept = network_image(image, keep_ratio=True)
    expected = Image.fromarray(image).resize((42, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(kept[0, :, :42], np.asarray(expected))
    assert (kept[0, :, 42:] == kept[0, :, 41:42]).all()
    wide = np.tile(image, (1, 9))
    np.testing.assert_array_equal(network_image(wide, keep_ratio=True), network_image(wide))


def test_a_batch_becomes_floats_from_minus_one_to_one(dataset: CRNNDataset) -> None:
    batch = default_collate([dataset[0, 0], dataset[1, 1]])
    images, (labels, lengths) = PrepareBatch()(batch)
    assert (images.shape, images.dtype) == ((2, 1, 32, 100), torch.float32)
    torch.testing.assert_close(images, (batch[0] / 255 - 0.5) / 0.5, atol=1e-6, rtol=0)
    assert (labels.dtype, labels[0, :3].tolist(), lengths.tolist()) == (torch.int64, [11, 12, 2], [3, 0])


@needs_crnn_numbers
@pytest.mark.parametrize("number", range(6))
def test_images_are_those_of_the_reference(number: int) -> None:
    case = cases(CRNN_FOLDER / "preprocess.npz")[str(number)]
    if case["image"].ndim == 3:
        np.testing.assert_array_equal(grey_of(case["image"]), case["grey"])
    np.testing.assert_array_equal(network_image(case["image"]), case["resized"])
    np.testing.assert_array_equal(network_image(case["image"], keep_ratio=True), case["padded"])
    if number == 0:
        image = torch.from_numpy(network_image(case["image"]))[None]
        prepared, _ = PrepareBatch()((image, torch.zeros(1, 25), torch.zeros(1)))
        torch.testing.assert_close(prepared[0], torch.from_numpy(case["tensor"]), atol=1e-6, rtol=0)
