"""Image files, good and bad."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_models.errors import DataError
from ocr_models.images.reading import load_image
from pictures import write_image


def test_images_are_loaded_as_rgb(tmp_path: Path) -> None:
    blue = np.full((16, 24, 3), (255, 0, 0), np.uint8)  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "blue.jpg"), blue)
    image = load_image(tmp_path / "blue.jpg")
    assert image.shape == (16, 24, 3)
    assert image.dtype == np.uint8
    assert image[..., 2].min() > 240
    assert image[..., 0].max() < 15


@pytest.mark.parametrize("kept", [0.97, 0.5, 0.05])
def test_a_truncated_jpeg_is_an_error(tmp_path: Path, kept: float) -> None:
    path = write_image(tmp_path / "cut.jpg", 240, 320)
    encoded = path.read_bytes()
    path.write_bytes(encoded[: int(len(encoded) * kept)])
    with pytest.raises(DataError, match=r"cut.jpg: (truncated JPEG|not an image)"):
        load_image(path)


def test_a_truncated_jpeg_is_found_although_its_thumbnail_is_complete(tmp_path: Path) -> None:
    path = write_image(tmp_path / "cut.jpg", 240, 320)
    thumbnail = write_image(tmp_path / "small.jpg", 16, 16).read_bytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = path.read_bytes()[:2] + segment + path.read_bytes()[2:]
    path.write_bytes(whole)
    assert load_image(path).shape == (240, 320, 3)
    path.write_bytes(whole[:-100])
    with pytest.raises(DataError, match="truncated JPEG"):
        load_image(path)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    path = write_image(tmp_path / "padded.jpg")
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert load_image(path).shape == (48, 64, 3)


@pytest.mark.parametrize("content", [b"", b"no image at all", None], ids=["empty", "text", "missing"])
def test_another_kind_of_file_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "img_1.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"img_1.jpg: (not an image|cannot be read: No such file)"):
        load_image(path)


def test_a_lack_of_memory_is_not_reported_as_a_bad_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        error = cv2.error("Insufficient memory (Failed to allocate 3000000 bytes)")
        error.code = cv2.Error.StsNoMem
        raise error

    write_image(tmp_path / "img_1.jpg")
    monkeypatch.setattr(cv2, "imdecode", no_memory)
    with pytest.raises(MemoryError, match=r"img_1\.jpg"):
        load_image(tmp_path / "img_1.jpg")
