from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.harness.protocol.samples import MAX_BYTES, SAMPLES
from benchmarks.harness.worker import samples
from benchmarks.harness.worker.samples import draw_samples, small_jpeg
from ocr_models.picture import Panel, Picture


def noise(height: int, width: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def shown_as(monkeypatch: pytest.MonkeyPatch, show: Any) -> None:
    monkeypatch.setattr(samples, "MODELS", {"model": SimpleNamespace(load_show=lambda: show)})


def test_a_large_picture_becomes_small() -> None:
    smooth = cv2.resize(noise(12, 16), (1600, 1200), interpolation=cv2.INTER_CUBIC)
    content = small_jpeg(smooth)
    assert content is not None
    assert len(content) <= MAX_BYTES
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (750, 1000, 3)
    assert small_jpeg(noise(2400, 600)) is None
    assert small_jpeg(None) is None


def test_the_predictions_are_drawn_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown_as(monkeypatch, lambda *_: Picture([Panel("a title", noise(20, 30))], columns=1))
    draw_samples("model", None, None, tmp_path)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == [SAMPLES]
    assert (tmp_path / SAMPLES).read_bytes().startswith(b"\xff\xd8\xff")


def test_a_model_that_cannot_be_shown_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Picture:
        raise RuntimeError("no\nsuch weights")

    shown_as(monkeypatch, broken)
    draw_samples("model", None, None, tmp_path)  # type: ignore[arg-type]
    assert capsys.readouterr().out == "no picture of samples: RuntimeError: no such weights\n"
    shown_as(monkeypatch, None)
    draw_samples("model", None, None, tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
