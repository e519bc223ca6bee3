"""What the tests of several models share."""

from __future__ import annotations

import pytest

from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.synthetic import synthetic_set


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[AnnotatedImage, ...]:
    """Three pages of the synthetic set."""
    return read_annotated_set(synthetic_set(tmp_path_factory.mktemp("cache"), images=3, test_images=1)).images
