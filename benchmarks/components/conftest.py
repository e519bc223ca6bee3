"""Fixtures of the component benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.components.ratios import Ratio
from benchmarks.components.reporting import RatioReport
from benchmarks.harness.protocol.settings import Settings


@pytest.fixture
def ratio_report(benchmark: Any, ratios: list[Ratio]) -> RatioReport:
    """`ratio_report.compare(...)` times a component and its baseline, and reports their ratio."""
    return RatioReport(benchmark, ratios)


@pytest.fixture(scope="session")
def data_folder(ocr_settings: Settings) -> Path:
    """Annotated pages: --ocr-data, else the synthetic set."""
    from ocr_models.detection.synthetic import synthetic_set

    return ocr_settings.data or synthetic_set()


@pytest.fixture
def one_opencv_thread() -> Iterator[None]:
    """OpenCV computes in one thread, as in a loader process."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    yield
    cv2.setNumThreads(before)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Torch computes in one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
