"""Words as a data set: made on demand, distinguished, decoded once."""

from __future__ import annotations

import io
import os
import shutil
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocr_models.errors import DataError
from ocr_models.images.reading import decode_image
from ocr_models.recognition import LabelRule, WordSet, read_word_set
from ocr_models.recognition.packed_texts import PackedTexts, TextPacker
from ocr_models.task import ComparableImages, DataSet
from word_files import LAYOUTS, as_annotated, rewritten, word_image, write_lmdb, write_paddleocr

Pixels = NDArray[Any]


def read(root: Path) -> WordSet:
    return read_word_set(root, "train", as_annotated)


def packed(texts: list[str]) -> PackedTexts:
    packer = TextPacker()
    for text in texts:
        packer.append(text)
    return packer.packed()


def test_packed_texts_are_a_sequence() -> None:
    texts = ["", "caf\u00e9", os.fsdecode(b"\xff.png"), "\u65e5\u672c", ""]
    made = packed(texts)
    assert list(made) == texts
    assert (made[-1], made[1:3], len(made), len(packed([]))) == ("", texts[1:3], 5, 0)
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"index {index} of 5"):
            made[index]


def test_words_take_little_memory() -> None:
    tracemalloc.start()
    made = packed([])
    before = tracemalloc.get_traced_memory()[0]
    packer = TextPacker()
    for number in range(10_000):
        packer.append(f"{number:06d}")
    made = packer.packed()
    del packer
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(made) == 10_000
    assert taken < 10_000 * (6 + 8) + 5000


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_digest_depends_on_names_and_labels_alone(tmp_path: Path, layout: str) -> None:
    one, same = (read(LAYOUTS[layout](tmp_path / name, ["a", "b"], "train")) for name in ("one", "two"))
    others = [
        read(LAYOUTS[layout](tmp_path / str(number), labels, "train"))
        for number, labels in enumerate([["a", "c"], ["ab", ""], ["a", "b", "c"], ["a"]])
    ]
    assert one.digest() == same.digest()
    assert len(one.digest()) == 16
    assert len({each.digest() for each in (one, *others)}) == 5


def test_the_digest_depends_on_which_words_are_left_out(tmp_path: Path, rule_of_lower_case: LabelRule) -> None:
    digests = set()
    for labels in (["a", "B", "a"], ["B", "a", "a"], ["a", "a", "B"]):
        root = write_lmdb(tmp_path / "".join(labels), labels)
        with pytest.warns(UserWarning, match="1 of 3 words is left out"):
            digests.add(read_word_set(root, "train", rule_of_lower_case).digest())
    assert len(digests) == 3


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_set_is_what_the_harness_expects(tmp_path: Path, layout: str) -> None:
    found: DataSet = read(LAYOUTS[layout](tmp_path, ["a", "b"], "train"))
    assert isinstance(found, ComparableImages)
    assert found.same_image(0, 0)
    assert not found.same_image(0, 1)


def png(pixels: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


RAMP = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
OPAQUE = np.full((20, 30, 1), 255, np.uint8)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (png(RAMP), RAMP[..., ::-1]),
        (png(np.concatenate([RAMP, OPAQUE // 3], axis=2)), RAMP[..., ::-1]),  # alpha is ignored
        (png(RAMP[..., 0]), np.repeat(RAMP[..., :1], 3, axis=2)),
        (png(RAMP.astype(np.uint16) * 257), RAMP[..., ::-1]),
        (png(RAMP[:1, :1]), RAMP[:1, :1, ::-1]),
    ],
    ids=["colour", "alpha", "grey", "16 bits", "one pixel"],
)
def test_images_of_other_forms_become_eight_bits(tmp_path: Path, encoded: bytes, expected: Pixels) -> None:
    root = write_paddleocr(tmp_path, ["a"])
    (root / "train" / "word_1.jpg").write_bytes(encoded)
    (word,) = read(root).words
    np.testing.assert_array_equal(word.load(), expected)
    assert word.load(grey=True).shape == expected.shape[:2]


def encoded_by_pillow(image: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    image.save(file, form, quality=95)
    return file.getvalue()


@pytest.mark.parametrize(("mode", "form"), [("P", "PNG"), ("1", "PNG"), ("CMYK", "JPEG"), ("L", "JPEG")])
def test_colours_are_those_that_pillow_reads(tmp_path: Path, mode: str, form: str) -> None:
    """In a smooth image: OpenCV and Pillow round the colours of a CMYK image differently."""
    smooth = decode_image(word_image(), "word")
    encoded = encoded_by_pillow(Image.fromarray(smooth).convert(mode), form)
    root = write_paddleocr(tmp_path, ["a"])
    (root / "train" / "word_1.jpg").write_bytes(encoded)
    (word,) = read(root).words
    expected = Image.open(io.BytesIO(encoded))
    assert np.abs(word.load().astype(int) - np.asarray(expected.convert("RGB")).astype(int)).max() <= 2
    grey = np.asarray(expected.convert("RGB").convert("L"))
    assert np.abs(word.load(grey=True).astype(int) - grey.astype(int)).max() <= 2


def header(width: int, height: int) -> bytes:
    """A PNG file whose header has another size."""
    encoded = bytearray(word_image(suffix=".png"))
    encoded[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    encoded[29:33] = zlib.crc32(encoded[12:29]).to_bytes(4, "big")
    return bytes(encoded)


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"", "not an image in JPEG or PNG format"),
        (header(0, 0), "not an image that OpenCV can decode"),
        (header(60_000, 60_000), "60000 x 60000 pixels are more than"),
        (b"GIF89a", "not an image in JPEG or PNG format"),
    ],
    ids=["empty", "no pixels", "gigantic", "GIF"],
)
def test_a_file_that_is_no_image_is_named(tmp_path: Path, encoded: bytes, message: str) -> None:
    root = write_paddleocr(tmp_path, ["a"])
    (root / "train" / "word_1.jpg").write_bytes(encoded)
    with pytest.raises(DataError, match=f"{root}/train/word_1.jpg: .*{message}"):
        read(root).words[0].load()


def test_the_orientation_of_exif_is_ignored(tmp_path: Path) -> None:
    root = write_paddleocr(tmp_path, ["a"])
    path = root / "train" / "word_1.jpg"
    encoded = path.read_bytes()
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    path.write_bytes(encoded[:2] + b"\xff\xe1" + (8 + len(tiff)).to_bytes(2, "big") + b"Exif\0\0" + tiff + encoded[2:])
    assert read(root).words[0].load().shape == (20, 60, 3)
    assert read(root).words[0].load(grey=True).shape == (20, 60)


def test_an_image_that_vanishes_is_named(tmp_path: Path) -> None:
    words = read(write_paddleocr(tmp_path, ["a"])).words
    (tmp_path / "train" / "word_1.jpg").unlink()
    with pytest.raises(DataError, match=r"train/word_1.jpg: cannot be read: No such file"):
        words[0].load()


@pytest.mark.parametrize("layout", ["lmdb", "paddleocr"])
def test_decoded_words_are_the_words(tmp_path: Path, layout: str) -> None:
    found = read(LAYOUTS[layout](tmp_path / "words", ["a", "b", "c"], "train"))
    decoded = found.with_decoded_images(tmp_path / "cache")
    assert (decoded.digest(), decoded.layout, len(decoded)) == (found.digest(), found.layout, 3)
    for one, other in zip(found.words, decoded.words, strict=True):
        assert (one.name, one.label) == (other.name, other.label)
        for grey in (False, True):
            np.testing.assert_array_equal(one.load(grey), other.load(grey))
        assert not other.load().flags.writeable


def test_words_are_decoded_once_and_again_when_they_change(tmp_path: Path) -> None:
    folder = write_lmdb(tmp_path / "words", ["a", "b"])
    cache = tmp_path / "cache"

    def written() -> list[tuple[str, int]]:
        read(folder).with_decoded_images(cache)
        return sorted((str(path), path.stat().st_mtime_ns) for path in cache.rglob("*.*") if path.suffix != ".lock")

    first = written()
    assert written() == first
    with rewritten(folder) as entries:
        entries["image-000000001"] = word_image(9)
    assert written() != first
    decoded = read(folder).with_decoded_images(cache)
    np.testing.assert_array_equal(decoded.words[0].load(), read(folder).words[0].load())


def with_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


def with_pipe(folder: Path) -> None:
    shutil.rmtree(folder)
    os.mkfifo(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: os.truncate(folder / "pixels.bin", 100),
        lambda folder: (folder / "table.npy").unlink(),
        lambda folder: (folder / "table.npy").write_bytes(b"no table"),
        lambda folder: np.save(folder / "table.npy", np.zeros((2, 3), np.int64)),
        with_file,
        with_pipe,
    ],
)
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    found = read(write_lmdb(tmp_path / "words", ["a", "b"]))
    found.with_decoded_images(tmp_path).words[0].load()
    (folder,) = (tmp_path / "decoded").glob("words-*")
    damage(folder)
    decoded = found.with_decoded_images(tmp_path)
    np.testing.assert_array_equal(decoded.words[1].load(), found.words[1].load())


def test_a_bad_image_is_named_while_decoding(tmp_path: Path) -> None:
    root = write_paddleocr(tmp_path / "words", ["a", "b"])
    (root / "train" / "word_2.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"word_2.jpg: not an image"):
        read(root).with_decoded_images(tmp_path)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"decoded images cannot be written: .*run without the cache"):
        read(write_lmdb(tmp_path, ["a"])).with_decoded_images(Path("/proc/nowhere"))
