"""Fixtures of the component benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.components.ratios import Ratio
from benchmarks.components.reporting import RatioReport
from benchmarks.harness.protocol.settings import Settings
from ocr_models import MODELS


@pytest.fixture
def ratio_report(benchmark: Any, ratios: list[Ratio]) -> RatioReport:
    """`ratio_report.compare(...)` times a component and its baseline, and reports their ratio."""
    return RatioReport(benchmark, ratios)


@pytest.fixture(scope="session")
def data_folder(ocr_settings: Settings) -> Path:
    """Annotated images: --ocr-data, else the synthetic set."""
    return ocr_settings.data or MODELS["psenet"].make_synthetic_data()


@pytest.fixture
def one_opencv_thread() -> Iterator[None]:
    """OpenCV computes in one thread, as in a loader process."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    yield
    cv2.setNumThreads(before)
