from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ocr_models.data.decoded import decoded_images
from ocr_models.data.icdar2015 import DataError, load_image, read_annotated_set
from ocr_models.psenet.dataset import PSENetDataset


def test_decoded_images_are_the_images(image_folder: Path, tmp_path: Path) -> None:
    images = read_annotated_set(image_folder).images
    decoded = decoded_images(images, tmp_path)
    for image, other in zip(images, decoded, strict=True):
        mapped = load_image(other.path)
        assert np.array_equal(mapped, load_image(image.path))
        assert not mapped.flags.writeable
        assert other.polygons is image.polygons


def test_samples_are_the_same_from_the_cache(image_folder: Path, tmp_path: Path) -> None:
    images = read_annotated_set(image_folder).images
    own, cached = (PSENetDataset(each, image_size=64, seed=3) for each in (images, decoded_images(images, tmp_path)))
    for position in range(6):
        for expected, found in zip(own[position % 3, position], cached[position % 3, position], strict=True):
            assert expected.equal(found)


def test_an_image_is_decoded_once_and_again_when_it_has_changed(image_folder: Path, tmp_path: Path) -> None:
    images = read_annotated_set(image_folder).images[:1]
    (first,) = decoded_images(images, tmp_path)
    written = first.path.stat().st_mtime_ns
    (again,) = decoded_images(images, tmp_path)
    assert (again.path, again.path.stat().st_mtime_ns) == (first.path, written)
    os.utime(images[0].path, ns=(1, 1))
    (changed,) = decoded_images(images, tmp_path)
    assert changed.path != first.path


def test_nothing_unfinished_is_left(image_folder: Path, tmp_path: Path) -> None:
    decoded_images(read_annotated_set(image_folder).images, tmp_path)
    assert {path.suffix for path in (tmp_path / "decoded").iterdir() if path.name != ".lock"} == {".npy"}


def test_a_broken_cache_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "img_1.npy"
    broken.write_bytes(b"no array")
    with pytest.raises(DataError, match=r"img_1\.npy: no decoded image: .*delete it"):
        load_image(broken)


def test_a_cache_that_cannot_be_written_is_named(image_folder: Path) -> None:
    with pytest.raises(DataError, match=r"decoded images cannot be written: .*run without the cache"):
        decoded_images(read_annotated_set(image_folder).images, Path("/proc/nowhere"))
