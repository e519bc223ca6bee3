"""Images that are damaged, turned, or no images at all: read as stored, or refused by name in bounded time."""

from __future__ import annotations

import os
import socket
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.scoring import score
from ocr_models.errors import DataError
from ocr_models.images.decoded import decode_images
from ocr_models.images.reading import load_image
from ocr_models.psenet.dataset import PSENetDataset

HEIGHT, WIDTH = 240, 320
LIMIT_SECONDS = 5.0


def picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (7, 7), 0))


def encoded(suffix: str, *parameters: int) -> bytes:
    return cv2.imencode(suffix, picture(), parameters)[1].tobytes()


JPEG, PNG = encoded(".jpg"), encoded(".png")
PROGRESSIVE = encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 4)


def overwritten(whole: bytes, patch: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + patch + whole[middle + len(patch) :]


def without_middle(whole: bytes) -> bytes:
    return whole[: len(whole) // 2] + whole[len(whole) // 2 + 600 :]


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(pixel_data: bytes, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG[:8] + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixel_data) + png_chunk(b"IEND", b"")


ROWS = b"".join(b"\0" + row.tobytes() for row in picture())


@pytest.mark.parametrize(
    "damaged",
    [
        overwritten(JPEG, bytes(600)),
        overwritten(JPEG, b"\xff" * 40),
        overwritten(JPEG, bytes(np.random.default_rng(1).integers(0, 255, 2000, dtype=np.uint8))),
        overwritten(JPEG, b"\xff\xd9"),
        without_middle(JPEG),
        overwritten(PROGRESSIVE, bytes(600)),
        without_middle(PROGRESSIVE),
        overwritten(RESTARTS, bytes(600)),
        JPEG[: len(JPEG) // 2] + b"\xff\xd9",
        JPEG[:-2] + JPEG[-200:],
    ],
    ids=lambda damaged: f"{len(damaged)}-{zlib.crc32(damaged):x}",
)
def test_a_jpeg_that_is_damaged_inside_is_an_error(
    tmp_path: Path, damaged: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "img_1.jpg"
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"img_1\.jpg: (damaged image \(.*JPEG.*\)|not an image).*; replace the file"):
        load_image(path)
    assert capfd.readouterr().err == ""  # it is in the message


@pytest.mark.parametrize(
    "damaged",
    [
        overwritten(PNG, bytes(100)),
        overwritten(PNG, bytes([PNG[len(PNG) // 2] ^ 1])),
        without_middle(PNG),
        PNG[: len(PNG) // 2],
        PNG[:-12],
        PNG[:20],
        png_of(zlib.compress(ROWS[: len(ROWS) // 2])),
        png_of(zlib.compress(ROWS)[:-500]),
        png_of(zlib.compress(ROWS)[:-4] + b"abcd"),
        png_of(b""),
    ],
    ids=lambda damaged: f"{len(damaged)}-{zlib.crc32(damaged):x}",
)
def test_a_damaged_png_is_an_error(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "img_1.png"
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"img_1\.png: (damaged|truncated|not an image)"):
        load_image(path)


@pytest.mark.parametrize("whole", [JPEG, PROGRESSIVE, RESTARTS, PNG, png_of(zlib.compress(ROWS))])
def test_a_whole_image_is_read(tmp_path: Path, whole: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "img_1.jpg"  # a PNG under this name is common, too
    path.write_bytes(whole)
    np.testing.assert_allclose(load_image(path)[..., ::-1].mean(), picture().mean(), atol=1)
    assert capfd.readouterr().err == ""


def with_orientation(orientation: int, suffix: str) -> bytes:
    """The picture as a file that says: to be turned."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    if suffix == ".png":
        return PNG[:33] + png_chunk(b"eXIf", tiff) + PNG[33:]
    segment = b"Exif\0\0" + tiff
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + JPEG[2:]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_read_as_stored_everywhere(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Annotations are in pixels of the image as stored, whatever its EXIF orientation says."""
    (path := tmp_path / f"turned{suffix}").write_bytes(with_orientation(orientation, suffix))
    (plain := tmp_path / f"img_1{suffix}").write_bytes(with_orientation(1, suffix))
    if orientation > 1:  # else the test shows nothing
        shown, upright = (np.asarray(cv2.imread(str(each))) for each in (path, plain))
        assert not np.array_equal(shown, upright)
    expected = load_image(plain)
    np.testing.assert_array_equal(load_image(path), expected)
    (decoded,) = decode_images([path], tmp_path)
    np.testing.assert_array_equal(load_image(decoded), expected)
    seen: list[np.ndarray] = []
    corners = np.array([(20.0, 20), (100, 20), (100, 50), (20, 50)])
    image = AnnotatedImage(path, (corners,), np.array([False]), ("a",))
    score(lambda pixels: seen.append(pixels) or [], [image], tmp_path)  # type: ignore[func-returns-value]
    np.testing.assert_array_equal(seen[0], expected)


def test_a_sample_shows_the_text_that_is_annotated_in_stored_pixels(tmp_path: Path) -> None:
    box = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    box[20:50, 20:100] = 255
    plain = cv2.imencode(".jpg", box)[1].tobytes()
    exif = with_orientation(6, ".jpg")
    turned = exif[: len(exif) - len(JPEG) + 2] + plain[2:]
    corners = np.array([(20.0, 20), (100, 20), (100, 50), (20, 50)])
    levels = []
    for name, content in (("plain.jpg", plain), ("turned.jpg", turned)):
        (path := tmp_path / name).write_bytes(content)
        image = AnnotatedImage(path, (corners,), np.array([False]), ("a",))
        samples = [PSENetDataset([image], image_size=128, seed=0)[0, position] for position in range(6)]
        crops, labels = (torch.stack([sample[part] for sample in samples]) for part in (0, 1))
        levels.append(crops[(labels & 1).bool()].float().mean().item())
    assert levels[0] == levels[1] > 200


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))  # at most 107 bytes


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(JPEG)
        file.truncate(2**40)


NO_FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("fifo", _fifo, "cannot be read: Not a regular file"),
    ("socket", _socket, "cannot be read: Not a regular file"),
    ("folder", Path.mkdir, "cannot be read: Is a directory"),
    ("zero", lambda path: path.symlink_to("/dev/zero"), "cannot be read: Not a regular file"),
    ("null", lambda path: path.symlink_to("/dev/null"), "cannot be read: Not a regular file"),
    ("loop", lambda path: path.symlink_to(path), "cannot be read: Too many levels"),
    ("dangling", lambda path: path.symlink_to("nowhere"), "cannot be read: No such file"),
    ("sparse", _sparse, "larger than 256 MiB"),
]


@pytest.mark.parametrize("name", ["img_1.jpg", "img_1.png", "img_1.npy"])
@pytest.mark.parametrize(("make", "message"), [pytest.param(*rest, id=name) for name, *rest in NO_FILES])
def test_what_is_no_file_is_named_at_once(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / name)
    begun = time.monotonic()
    with pytest.raises(DataError, match=rf"{name}: ({message}|not a decoded image)"):
        load_image(tmp_path / name)
    assert time.monotonic() - begun < LIMIT_SECONDS


@pytest.mark.parametrize("name", ["\n.jpg", "\x1b[31m.jpg", os.fsdecode(b"\xff.jpg"), "x" * 5000 + ".jpg", "a\0.jpg"])
def test_a_message_is_one_printable_line_whatever_the_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be read") as caught:
        load_image(tmp_path / name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def with_jpeg_size(height: int, width: int) -> bytes:
    place = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:place] + struct.pack(">HH", height, width) + JPEG[place + 4 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_jpeg_size(30_000, 30_000), "30000 x 30000 pixels are more than"),
        (with_jpeg_size(65_535, 65_535), "65535 x 65535 pixels are more than"),
        (png_of(zlib.compress(bytes(1000)), 30_000, 30_000), "30000 x 30000 pixels are more than"),
        (png_of(zlib.compress(bytes(1000)), 2**31 - 1, 2**31 - 1), "pixels are more than"),
        (png_of(zlib.compress(bytes(1000)), 0, 0), "not an image"),
        (PROGRESSIVE[:-2] + b"\xff\xda" * 40_000 + b"\xff\xd9", "scans of 320 x 240"),
        (b"\xff\xd8" + b"\xff" * 2**25, "not an image"),
        (encoded(".webp"), "not an image in JPEG or PNG format"),
        (encoded(".bmp"), "not an image in JPEG or PNG format"),
    ],
    ids=["large", "largest", "png", "largest-png", "no-pixels", "scans", "fill-bytes", "webp", "bmp"],
)
def test_what_would_take_too_long_or_cannot_be_checked_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "img_1.jpg").write_bytes(content)
    begun = time.monotonic()
    with pytest.raises(DataError, match=rf"img_1\.jpg: .*{message}"):
        load_image(tmp_path / "img_1.jpg")
    assert time.monotonic() - begun < LIMIT_SECONDS
