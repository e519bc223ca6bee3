from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.report.plots import draw_curves
from samples import CONVERGENCE_CASE, converged_run, convergence_artifact, failed_run


def test_curves_are_drawn_to_a_png_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "index" / "a_convergence.png"
    path.parent.mkdir()
    draw_curves(convergence_artifact(converged_run(tmp_path)), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_interrupted_training_is_drawn_as_far_as_it_came(tmp_path: Path) -> None:
    run = failed_run(CONVERGENCE_CASE, "convergence", output=tmp_path)
    draw_curves(convergence_artifact(run), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_nothing_is_drawn_without_a_curve(tmp_path: Path) -> None:
    run = failed_run(CONVERGENCE_CASE, "convergence", steps_done=0, output=tmp_path)
    draw_curves(convergence_artifact(run), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Of the curves in each half of what is drawn."""
    found: list[list[str]] = []

    def look(figure: object, *_: object, **__: object) -> None:
        found.extend([[line.get_label() for line in axes.lines] for axes in figure.axes])  # type: ignore[attr-defined]

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", look)
    return found


def test_scores_on_the_training_samples_are_labelled_as_such(tmp_path: Path, labels: list[list[str]]) -> None:
    draw_curves(convergence_artifact(converged_run(tmp_path, held_out_is_training=True)), tmp_path / "a.png")
    assert labels[1][-2:] == ["hmean, training samples", "target"]


def test_losses_are_to_the_left_and_scores_with_their_target_to_the_right(
    tmp_path: Path, labels: list[list[str]]
) -> None:
    own = [{"loss": 0.6, "loss_text": 0.4, "iou_text": 0.2}, {"loss": 0.1, "loss_text": 0.05, "iou_text": 0.9}]
    draw_curves(convergence_artifact(converged_run(tmp_path, losses=own)), tmp_path / "a.png")
    left, right = labels
    assert left == ["loss", "loss_text"]
    assert right == ["iou_text", "precision, held-out", "recall, held-out", "hmean, held-out", "target"]
