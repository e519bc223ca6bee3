"""The synthetic set: made once, whole, and as costly as real images."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ocr_models.cache import default_cache_dir
from ocr_models.detection import synthetic
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.scene import HEIGHT, IGNORED, WIDTH
from ocr_models.detection.synthetic import synthetic_set
from ocr_models.errors import DataError
from ocr_models.task import Split
from suite import ROOT

MINI = ROOT.parent / "shared" / "icdar2015_mini"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_set(tmp_path_factory.mktemp("cache"), images=24, test_images=6)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_both_splits_are_in_the_official_layout(root: Path) -> None:
    splits: dict[Split, int] = {"train": 24, "test": 6}
    for split, count in splits.items():
        found = read_annotated_set(root, split)
        assert found.layout == "icdar2015"
        assert len(found.images) == count
        assert found.images[0].load().shape == (HEIGHT, WIDTH, 3)
    annotation = next((root / "ch4_training_localization_transcription_gt").iterdir()).read_bytes()
    assert annotation.startswith(b"\xef\xbb\xbf")
    assert annotation.endswith(b"\r\n")


def test_words_are_as_many_and_as_varied_as_on_real_images(root: Path) -> None:
    images = read_annotated_set(root).images
    polygons = np.array([polygon for image in images for polygon in image.polygons])
    ignored = np.concatenate([image.ignored for image in images])
    assert 4 <= len(polygons) / len(images) <= 12
    assert 0.35 <= ignored.mean() <= 0.65
    assert polygons.min() >= 0
    assert (polygons.max((0, 1)) <= (WIDTH, HEIGHT)).all()
    top, side = polygons[:, 1] - polygons[:, 0], polygons[:, 3] - polygons[:, 0]
    assert np.degrees(np.arctan2(top[:, 1], top[:, 0])).std() > 5
    heights = np.hypot(*side.T)
    assert heights[ignored].max() < heights[~ignored].min()
    assert heights[~ignored].std() > 10
    opposite = polygons[:, 2] - polygons[:, 1]
    assert np.std(np.hypot(*opposite.T) / heights) > 0.05  # perspective


def test_words_do_not_overlap_and_can_be_seen(root: Path) -> None:
    for image in read_annotated_set(root).images:
        picture = image.load().astype(np.float32).mean(2)
        covered = np.zeros((HEIGHT, WIDTH), np.uint8)
        for polygon, ignored, text in zip(image.polygons, image.ignored, image.transcriptions, strict=True):
            own = np.zeros_like(covered)
            cv2.fillConvexPoly(own, polygon.astype(np.int32), 1)
            assert not (covered & own).any()
            covered |= own
            assert (text == IGNORED) == ignored
            if not ignored:
                assert text
                assert picture[own > 0].std() > 15  # grey levels


def test_the_same_arguments_give_the_same_files(root: Path, tmp_path: Path) -> None:
    again = synthetic_set(tmp_path, images=24, test_images=6)
    assert again.name == root.name
    assert contents(again) == contents(root)
    other = synthetic_set(tmp_path, images=2, test_images=1, seed=1)
    assert (other / "ch4_training_images/img_1.jpg").read_bytes() not in contents(root).values()


def test_training_and_test_images_differ(root: Path) -> None:
    files = contents(root)
    images = {content for name, content in files.items() if name.endswith(".jpg")}
    assert len(images) == 30


def test_a_set_is_made_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "_make", lambda *_: pytest.fail("made again"))
    assert synthetic_set(root.parent, images=24, test_images=6) == root


def test_processes_that_start_together_make_it_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from ocr_models.detection.synthetic import synthetic_set;"
        "print(synthetic_set(Path(sys.argv[1]), images=8, test_images=1))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len({printed for printed, _ in outputs}) == 1
    assert sum("making a synthetic data set of 9 images" in reported for _, reported in outputs) == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [Path(outputs[0][0].strip()).name]


def test_an_interrupted_set_is_never_found_and_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    original = synthetic._write_image

    def stop_at_the_third(*job: Any) -> None:
        written.append(job)
        if len(written) > 2:
            raise KeyboardInterrupt
        original(*job)

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "_write_image", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            synthetic_set(tmp_path, images=3, test_images=1)
    assert all(path.name.endswith((".unfinished", ".lock")) for path in tmp_path.iterdir())
    made = synthetic_set(tmp_path, images=3, test_images=1)
    assert len(read_annotated_set(made).images) == 3
    assert {path.name for path in tmp_path.iterdir()} == {made.name, f"{made.name}.lock"}


def test_a_cache_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written: .*; set XDG_CACHE_HOME"):
        synthetic_set(tmp_path / "file" / "cache", images=1, test_images=1)


def test_the_default_cache_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert synthetic_set(images=1, test_images=1).parent == tmp_path / "ocr_models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_dir() == tmp_path / "home" / ".cache" / "ocr_models"


def test_a_pipe_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic_set(tmp_path, images=2, test_images=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "making a synthetic data set of 3 images" in captured.err


def test_jpegs_are_as_large_as_real_ones(root: Path) -> None:
    sizes = [image.path.stat().st_size for image in read_annotated_set(root).images]
    assert 60_000 <= np.mean(sizes) <= 120_000


def decode_seconds(images: Sequence[AnnotatedImage]) -> float:
    start = time.perf_counter()
    for image in images:
        cv2.imread(str(image.path))
    return (time.perf_counter() - start) / len(images)


@pytest.mark.skipif(not MINI.is_dir(), reason="the real images are not next to this checkout")
def test_decoding_takes_as_long_as_with_real_images(root: Path) -> None:
    real, made = read_annotated_set(MINI).images, read_annotated_set(root).images
    ratios = [decode_seconds(made) / decode_seconds(real) for _ in range(9)]
    assert np.median(ratios) == pytest.approx(1, abs=0.3)
