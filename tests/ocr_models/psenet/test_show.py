"""The picture of a trained network's predictions: drawn from a checkpoint, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
import torch

from ocr_models.checkpoint import save_checkpoint
from ocr_models.psenet import PSENet, show


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a convergence case saves it, but of an untrained network."""
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.pt"
    torch.manual_seed(0)
    weights = PSENet("resnet18", 64, 64).state_dict()
    save_checkpoint(path, {"model": "psenetr18", "image_size": 64, "state_dict": weights})
    return path


def test_each_image_has_ten_panels_in_one_picture(checkpoint: Path, image_folder: Path, tmp_path: Path) -> None:
    heights: list[int] = []
    for names in (["img_2"], ["img_1", "img_2.jpg"]):
        output = tmp_path / f"{len(names)}.png"
        assert show.main([str(checkpoint), *names, "--data", str(image_folder), "--output", str(output)]) == 0
        picture = cv2.imread(str(output))
        assert picture is not None
        heights.append(picture.shape[0])
        assert picture.std() > 10
    assert heights[1] == 2 * heights[0]


def test_the_first_images_are_shown_if_none_is_named(
    checkpoint: Path, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(show, "show", lambda detector, images, path: seen.extend(image.path.stem for image in images))
    given = [str(checkpoint), "--data", str(image_folder), "--split", "train", "--count", "2"]
    assert show.main([*given, "--output", str(tmp_path / "x.png")]) == 0
    assert seen == ["img_1", "img_2"]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ({"model": "psenetr18", "image_size": 64, "state_dict": {}}, [], "the weights do not fit the model: missing"),
        ({"model": "dbnet", "state_dict": {}}, [], "is of an unknown model, 'dbnet'; known: "),
        ({"model": "a\n\x1b[2J"}, [], r"is of an unknown model, 'a\n\x1b[2J'; known: "),
        ({"model": {}}, [], "is of an unknown model, dict; known: "),
        ({"model": "psenetr18", "image_size": 10**9}, [], "its image size is 1000000000, not a multiple of 32 pixels"),
        ({"model": "psenetr18", "image_size": True}, [], "its image size is True, not a multiple of 32 pixels"),
        ({"model": "psenetr18", "image_size": None}, [], "its image size is NoneType, not a multiple of 32 pixels"),
        ({"model": "psenetr18", "image_size": 64, "state_dict": [1]}, [], "`state_dict` is list, not a dict"),
        (None, [], "No such file or directory"),
        ("checkpoint", ["img_7"], "no image img_7; there are img_1 to img_2"),
        ("checkpoint", ["--output", "nowhere/x.png"], "nowhere/x.png: No such file or directory"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    checkpoint: Path,
    image_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    content: object,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = checkpoint if content == "checkpoint" else tmp_path / "other.pt"
    if isinstance(content, dict):
        save_checkpoint(path, content)
    assert show.main([str(path), *arguments, "--data", str(image_folder)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "psenet.png").exists()
