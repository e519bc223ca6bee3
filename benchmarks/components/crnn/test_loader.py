"""The making of CRNN's training samples, compared with the decoding of their images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.components.reporting import RatioReport, component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

pytestmark = component("CRNN loader")

WORDS, REPEATS = 50, 8
QUALITY = 90  # of the JPEGs: some 2.5 kB each


@pytest.mark.usefixtures("one_opencv_thread", "one_torch_thread")
def test_loading_samples(tmp_path: Path, ratio_report: RatioReport) -> None:
    """Samples of an LMDB with JPEGs of some 40 x 170 pixels, compared with `cv2.imdecode` of the same files."""
    import cv2
    import lmdb
    import numpy as np

    from ocr_models.crnn import trained_label
    from ocr_models.crnn.dataset import CRNNDataset
    from ocr_models.recognition.lmdb_words import COUNT_KEY, image_key, label_key
    from ocr_models.recognition.reading import read_word_set

    rng = np.random.default_rng(0)
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    encoded = [cv2.imencode(".jpg", _word_image(rng), quality)[1] for _ in range(WORDS)]
    with lmdb.open(str(tmp_path / "train"), map_size=2**27) as environment, environment.begin(write=True) as entries:
        entries.put(COUNT_KEY.encode(), str(WORDS).encode())
        for number, image in enumerate(encoded, start=1):
            entries.put(image_key(number).encode(), image.tobytes())
            entries.put(label_key(number).encode(), b"Word%d" % number)
    dataset = CRNNDataset(read_word_set(tmp_path, "train", trained_label).words, seed=0)

    def load() -> None:
        for index in range(WORDS * REPEATS):
            dataset[index % WORDS, index]

    def decode() -> None:
        for index in range(WORDS * REPEATS):
            cv2.imdecode(encoded[index % WORDS], cv2.IMREAD_COLOR)

    ratio_report.compare("time of a sample / time of cv2.imdecode", load, decode, "at most", 3.15, rounds=30)


def _word_image(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Letters on a coloured, noisy ground, (H, W, 3)."""
    import cv2
    import numpy as np

    height, width = int(rng.integers(30, 51)), int(rng.integers(120, 221))
    image = np.full((height, width, 3), rng.integers(90, 256, 3), np.uint8)
    cv2.putText(image, "Written", (4, height * 3 // 4), cv2.FONT_HERSHEY_DUPLEX, width / 150, (20, 30, 60), 2)
    noisy = cv2.GaussianBlur(image, (3, 3), 0) + rng.normal(scale=5, size=image.shape)
    return noisy.clip(0, 255).astype(np.uint8)
