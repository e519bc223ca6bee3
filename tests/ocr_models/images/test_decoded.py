"""Images decoded once into a cache, and mapped from there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.images.decoded import decode_images
from ocr_models.images.reading import load_image
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


def header_only(path: Path) -> None:
    """As a power failure leaves a file that was not on the disk when it was renamed."""
    np.save(path, np.zeros((360, 640, 3), np.uint8))
    os.truncate(path, 1000)


def zipped(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), np.zeros(3))
    path.with_suffix(".npz").rename(path)


FOREIGN: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"no array"),
    "zeros": lambda path: path.write_bytes(bytes(100_000)),
    "header": header_only,
    "float": lambda path: np.save(path, np.zeros((360, 640, 3))),
    "grey": lambda path: np.save(path, np.zeros((360, 640), np.uint8)),
    "alpha": lambda path: np.save(path, np.zeros((360, 640, 4), np.uint8)),
    "turned": lambda path: np.save(path, np.zeros((640, 360, 3), np.uint8)),
    "no pixels": lambda path: np.save(path, np.zeros((0, 640, 3), np.uint8)),
    "columns first": lambda path: np.save(path, np.asfortranarray(np.zeros((360, 640, 3), np.uint8))),
    "pickle": lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
    "bomb": lambda path: path.write_bytes(
        b"\x93NUMPY\1\0v\0"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 3, 3), }".ljust(117) % 10**30
        + b"\n"
    ),
    "zip": zipped,
    "fifo": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_in_the_cache_is_replaced_and_never_used(
    image_folder: Path, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = read_annotated_set(image_folder).images[0].path
    (target,) = decode_images([path], tmp_path)
    target.unlink()
    make(target)
    if make is not FOREIGN["turned"]:  # which only a look at the image can find
        with pytest.raises(
            DataError, match=r"\.npy: (not a decoded image: .*delete it|not a regular file|cannot be read)"
        ):
            load_image(target)
    assert decode_images([path], tmp_path) == [target]
    np.testing.assert_array_equal(load_image(target), load_image(path))


def test_a_folder_in_the_place_of_a_cache_file_is_named(image_folder: Path, tmp_path: Path) -> None:
    path = read_annotated_set(image_folder).images[0].path
    (target,) = decode_images([path], tmp_path)
    target.unlink()
    target.mkdir()
    with pytest.raises(DataError, match=rf"{target.name}: decoded images cannot be written"):
        decode_images([path], tmp_path)


def test_files_of_images_that_were_turned_are_not_used(image_folder: Path, tmp_path: Path) -> None:
    """Until version 1 the cache held images as their EXIF orientation shows them."""
    path = read_annotated_set(image_folder).images[0].path
    status = path.stat()
    identity = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    older = tmp_path / "decoded" / f"{path.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npy"
    older.parent.mkdir()
    np.save(older, np.zeros((360, 640, 3), np.uint8))
    assert decode_images([path], tmp_path) != [older]


@pytest.mark.parametrize("name", ["a" * 240, "\u4e2d" * 80, os.fsdecode(b"\xff" * 200)])
def test_an_image_may_have_the_longest_name(image_folder: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.jpg"
    path.write_bytes(read_annotated_set(image_folder).images[0].path.read_bytes())
    (target,) = decode_images([path], tmp_path)
    np.testing.assert_array_equal(load_image(target), load_image(path))


def test_a_cache_that_cannot_be_written_is_named(image_folder: Path) -> None:
    with pytest.raises(DataError, match=r"decoded images cannot be written: .*run without the cache"):
        read_annotated_set(image_folder).with_decoded_images(Path("/proc/nowhere"))
