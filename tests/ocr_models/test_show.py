"""`python -m ocr_models.show`: a model's predictions, drawn from a checkpoint, or refused in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

import tiny_model
from ocr_models import BROKEN_MODELS, MODELS, ConvergenceGoal, show
from ocr_models.checkpoint import save_checkpoint
from ocr_models.picture import Panel, Picture
from suite import suite_environment
from tiny_task import training_task


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    task = training_task(image_size=64, seed=3, device=torch.device("cpu"))
    return task.model.state_dict()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, weights: dict[str, torch.Tensor]) -> Path:
    """As a convergence case saves it, but of an untrained network."""
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.pt"
    save_checkpoint(path, {"model": "tiny", "image_size": 64, "state_dict": weights})
    return path


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' small models, as if their package were installed; and one that cannot be loaded."""
    monkeypatch.setitem(MODELS, "tiny", tiny_model.MODEL)
    monkeypatch.setitem(MODELS, "tinyplain", tiny_model.PLAIN)
    monkeypatch.setitem(MODELS, "tinyfixed", tiny_model.FIXED)
    monkeypatch.setitem(BROKEN_MODELS, "broken", "other:MODEL cannot be loaded: KeyError: 'x'")


def drawn(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


# the command


def test_the_command_draws_the_picture_of_an_installed_model(
    checkpoint: Path, image_folder: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ocr_models.show", str(checkpoint), "--data", str(image_folder), "--count", "1"],
        cwd=tmp_path,
        env=suite_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "tiny.png\n", "")
    assert drawn(tmp_path / "tiny.png").shape == (200, 960, 3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (["img_1", "img_2"], [], None)),
        (["--split", "train"], (["img_1", "img_2", "img_3"], [], None)),
        (["--count", "2"], (["img_1", "img_2"], [], 2)),
        (["img_2", "img_1.jpg", "--count", "1"], (["img_1", "img_2"], ["img_2", "img_1.jpg"], 1)),
        (["--count", "1", "img_2", "img_1.jpg"], (["img_1", "img_2"], ["img_2", "img_1.jpg"], 1)),
    ],
)
def test_the_model_gets_the_split_the_names_and_the_number(
    checkpoint: Path,
    image_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: tuple[list[str], list[str], int | None],
) -> None:
    seen = []

    def watch(task: Any, data: Any, names: Sequence[str], count: int | None) -> Picture:
        seen.append(([image.path.stem for image in data.images], list(names), count))
        return Picture([Panel("", np.zeros((2, 2)))], columns=1)

    monkeypatch.setattr("tiny_show.show", watch)
    output = tmp_path / "x.png"
    assert show.main([str(checkpoint), *arguments, "--data", str(image_folder), "--output", str(output)]) == 0
    assert seen == [expected]
    assert drawn(output).shape == (200, 320, 3)


def test_without_a_folder_the_synthetic_set_of_the_convergence_case_is_shown(
    checkpoint: Path, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def pages() -> Path:
        made.append(image_folder)
        return image_folder

    monkeypatch.setattr("tiny_show.pages", pages, raising=False)
    goal = ConvergenceGoal(steps=1, target=0.5, metric="hmean", synthetic_data="tiny_show:pages")
    monkeypatch.setitem(MODELS, "tiny", replace(tiny_model.MODEL, convergence=goal))
    assert show.main([str(checkpoint), "--output", str(tmp_path / "x.png")]) == 0
    assert made == [image_folder]


def test_the_split_is_the_one_that_the_convergence_case_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (show._scored_split("tiny"), show._scored_split("tinyfixed")) == ("test", "test")
    goal = ConvergenceGoal(steps=1, target=0.5, metric="hmean", by_heart=True)
    monkeypatch.setitem(MODELS, "tiny", replace(tiny_model.MODEL, convergence=goal))
    assert show._scored_split("tiny") == "train"


# the weights


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_network_has_the_weights_of_the_checkpoint(
    weights: dict[str, torch.Tensor], tmp_path: Path, prefix: str
) -> None:
    entries = {prefix + name: value for name, value in weights.items()}
    task = show.trained_task("tiny", {"image_size": 64, "state_dict": entries}, tmp_path)
    assert all(torch.equal(value, weights[name]) for name, value in task.model.state_dict().items())
    assert task.input_shape == (3, 64, 64)


def test_a_checkpoint_without_model_and_image_size_is_of_the_named_model_at_its_size_on_a_gpu(
    weights: dict[str, torch.Tensor], image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "foreign.pt", weights)
    given = ["foreign.pt", "--data", str(image_folder)]
    assert show.main([*given, "--model", "tiny"]) == 0
    assert (tmp_path / "tiny.png").exists()
    assert show.trained_task("tiny", weights, tmp_path).input_shape == (3, 736, 736)


# what is refused


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ({}, [], "other.pt does not say of which model it is: add --model NAME, one of: "),
        ({"model": "nonet", "state_dict": {}}, [], "is of an unknown model, 'nonet'; known: "),
        ({"model": "a\n\x1b[2J"}, [], r"is of an unknown model, 'a\n\x1b[2J'; known: "),
        ({"model": {}}, [], "is of an unknown model, dict; known: "),
        ({"model": "broken"}, [], "is of the model broken: other:MODEL cannot be loaded: KeyError: 'x'"),
        ({"model": "tinyplain", "image_size": 64}, [], "other.pt: the model tinyplain has nothing to show"),
        ({"model": "tiny", "image_size": 10**9}, [], "its image size is 1000000000, not a multiple of 32 pixels"),
        ({"model": "tiny", "image_size": True}, [], "its image size is True, not a multiple of 32 pixels"),
        ({"model": "tiny", "image_size": None}, [], "its image size is NoneType, not a multiple of 32 pixels"),
        ({"model": "tiny", "image_size": 64, "state_dict": {}}, [], "the weights do not fit the model: missing: 0.w"),
        ({"model": "psenetr18", "image_size": 64, "state_dict": [1]}, [], "the state dict is list, not a dict"),
        ({"model": "psenetr18", "image_size": 64, "state_dict": {}}, [], "the weights do not fit the model: missing"),
        ({"model": "tiny", "image_size": 64}, ["--model", "psenetr18"], "the weights do not fit the model: missing"),
        (None, [], "other.pt: No such file or directory"),
        (None, ["--data", "nowhere"], "other.pt: No such file or directory"),
        ("checkpoint", ["--data", "nowhere"], "nowhere: no such folder"),
        ("checkpoint", ["--output", "nowhere/x.png"], "nowhere/x.png: No such file or directory"),
        ("text", [], "other.pt is not a checkpoint that can be read safely"),
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
    if content == "text":
        path.write_text("text")
    if isinstance(content, dict):
        save_checkpoint(path, content)
    assert show.main([str(path), "--data", str(image_folder), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(("image_size", "accepted"), [(None, True), (64, False)])
def test_a_model_with_a_fixed_input_size_has_no_image_size(
    tmp_path: Path, image_size: int | None, accepted: bool
) -> None:
    built = tiny_model.FIXED.load_task_builder()(image_size=None, seed=0, device=torch.device("cpu"))
    content = {"image_size": image_size, "state_dict": built.model.state_dict()}
    if accepted:
        assert show.trained_task("tinyfixed", content, tmp_path).input_shape == (3, 64, 64)
    else:
        with pytest.raises(ValueError, match="its image size is 64, not None: the model has a fixed input size"):
            show.trained_task("tinyfixed", content, tmp_path)


@pytest.mark.parametrize("arguments", [["--count", "0"], ["--model", "nonet"], ["--split", "all"]])
def test_wrong_arguments_are_wrong_use(checkpoint: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        show.main([str(checkpoint), *arguments])
    assert stopped.value.code == 2


# the picture


def test_panels_fill_rows_and_the_last_row_may_be_shorter(tmp_path: Path) -> None:
    grey, red = np.full((20, 30), 0.5), np.full((20, 30, 3), (255, 0, 0), np.uint8)
    picture = Picture([Panel(f"{i}", grey if i < 4 else red) for i in range(5)], columns=3, panel_inches=(2, 1.5))
    show.write_picture(picture, tmp_path / "x.png")
    pixels = drawn(tmp_path / "x.png")  # BGR
    assert pixels.shape == (2 * 150, 3 * 200, 3)
    assert pixels[225, 300].tolist() == [0, 0, 255]
    assert (pixels[150:, 420:] == 255).all()


def test_values_from_0_to_1_have_the_same_colours_in_all_panels(tmp_path: Path) -> None:
    for value in (0.0, 1.0):
        show.write_picture(Picture([Panel("", np.full((2, 2), value))], columns=1), tmp_path / f"{value}.png")
    assert drawn(tmp_path / "0.0.png")[100, 160].max() < 10
    assert drawn(tmp_path / "1.0.png")[100, 160].min() > 180


def test_a_title_is_plain_text(tmp_path: Path) -> None:
    no_formula = Panel(r"$\nothing$", np.zeros((2, 2)))
    show.write_picture(Picture([no_formula], columns=1, title=r"$\nothing$"), tmp_path / "x.png")
    assert (tmp_path / "x.png").exists()


def test_the_title_of_a_picture_has_room_above_its_panels(tmp_path: Path) -> None:
    panel = Panel("", np.zeros((2, 2)))
    for title in ("", "the first 3 of 30 images"):
        show.write_picture(Picture([panel], columns=1, title=title), tmp_path / f"{len(title)}.png")
    plain, titled = drawn(tmp_path / "0.png"), drawn(tmp_path / "24.png")
    room = titled.shape[0] - plain.shape[0]
    assert room > 20
    assert titled[:room].min() < 100  # dark letters


def test_an_older_picture_stays_if_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.png").write_text("older")

    def write_half(self: Figure, file: IO[bytes], **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", write_half)
    with pytest.raises(OSError, match="No space left"):
        show.write_picture(Picture([Panel("", np.zeros((2, 2)))], columns=1), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]
