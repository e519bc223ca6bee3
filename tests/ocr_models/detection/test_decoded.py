"""Images decoded once into a cache, and mapped from there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ocr_models.detection.decoded import decode_images
from ocr_models.detection.images import load_image
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.psenet.dataset import PSENetDataset


def test_decoded_images_are_the_images(image_folder: Path, tmp_path: Path) -> None:
    read = read_annotated_set(image_folder)
    decoded = read.with_decoded_images(tmp_path)
    for image, other in zip(read.images, decoded.images, strict=True):
        mapped = other.load()
        assert other.decoded is not None
        assert np.array_equal(mapped, image.load())
        assert not mapped.flags.writeable
        assert other.polygons is image.polygons


def test_a_decoded_set_is_still_the_same_set(image_folder: Path, tmp_path: Path) -> None:
    read = read_annotated_set(image_folder)
    decoded = read.with_decoded_images(tmp_path)
    assert (decoded.layout, decoded.digest(), len(decoded)) == (read.layout, read.digest(), len(read))


def test_samples_are_the_same_from_the_cache(image_folder: Path, tmp_path: Path) -> None:
    read = read_annotated_set(image_folder)
    own, cached = (
        PSENetDataset(each.images, image_size=64, seed=3) for each in (read, read.with_decoded_images(tmp_path))
    )
    for position in range(6):
        for expected, found in zip(own[position % 3, position], cached[position % 3, position], strict=True):
            assert expected.equal(found)


def test_an_image_is_decoded_once_and_again_when_it_has_changed(image_folder: Path, tmp_path: Path) -> None:
    paths = [read_annotated_set(image_folder).images[0].path]
    (first,) = decode_images(paths, tmp_path)
    written = first.stat().st_mtime_ns
    (again,) = decode_images(paths, tmp_path)
    assert (again, again.stat().st_mtime_ns) == (first, written)
    os.utime(paths[0], ns=(1, 1))
    (changed,) = decode_images(paths, tmp_path)
    assert changed != first


def test_nothing_unfinished_is_left(image_folder: Path, tmp_path: Path) -> None:
    read_annotated_set(image_folder).with_decoded_images(tmp_path)
    assert {path.suffix for path in (tmp_path / "decoded").iterdir() if path.name != ".lock"} == {".npy"}


def test_a_broken_cache_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "img_1.npy"
    broken.write_bytes(b"no array")
    with pytest.raises(DataError, match=r"img_1\.npy: not a decoded image: .*delete it"):
        load_image(broken)


def test_a_cache_that_cannot_be_written_is_named(image_folder: Path) -> None:
    with pytest.raises(DataError, match=r"decoded images cannot be written: .*run without the cache"):
        read_annotated_set(image_folder).with_decoded_images(Path("/proc/nowhere"))
