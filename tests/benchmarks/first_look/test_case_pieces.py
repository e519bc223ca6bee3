"""The pieces that run a case through pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.first_look.pieces import Request, pieces
from benchmarks.first_look.runner import run_all
from benchmarks.first_look.sizes import batch_size, image_side
from benchmarks.first_look.summary import write_summary


@pytest.mark.parametrize("job", [{}, {"SLURM_NNODES": "2", "SLURM_NODEID": "0"}], ids=["alone", "of two nodes"])
def test_a_case_that_cannot_run_is_not_ok(
    job: dict[str, str], tmp_path: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The GPU is gone. The job has two nodes, but the case is one of this node."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for name, value in {"CUDA_VISIBLE_DEVICES": "", **job}.items():
        monkeypatch.setenv(name, value)
    request = Request("psenet", "cuda", True, tmp_path, 2)
    cases = [each for each in pieces(request) if each.case is not None]
    (tmp_path / "logs").mkdir()
    (outcome,) = run_all(request, cases, image_folder, lambda done: write_summary(request, done))
    assert outcome.status == "failed"
    assert "| failure | no_gpu: " in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("model", "full", "small"),
    [("psenet", 736, 64), ("psenetr18", 736, 64), ("tiny", 736, 64), ("tinyfixed", None, None)],
)
def test_the_images_are_of_the_size_that_the_model_has_in_a_case(
    model: str, full: int | None, small: int | None
) -> None:
    assert image_side(model, small=False) == full
    assert image_side(model, small=True) == small


@pytest.mark.parametrize(
    ("model", "full"), [("psenet", 16), ("dbr18", 16), ("crnn", 256), ("parseq", 384), ("crnnvgg128", 16), ("tiny", 16)]
)
def test_a_step_has_as_many_samples_as_the_largest_listed_case_of_the_model(model: str, full: int) -> None:
    assert batch_size(model, small=False) == full
    assert batch_size(model, small=True) == 2
