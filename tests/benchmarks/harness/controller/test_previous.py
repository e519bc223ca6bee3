"""A good training survives the repetition of its command. The launch is a fake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.harness.results import store
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.measurements import MEASUREMENTS
from faked_sessions import CASE, converge, draw_nothing, drawing, fail, session, trained


def test_a_good_training_is_kept_until_a_new_one_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as the new one fails."""
    said: list[str] = []
    kept = tmp_path / "convergence" / f"{CASE.log_name}.previous"
    convergence = drawing(monkeypatch, draw_nothing)
    session(monkeypatch, tmp_path, converge, said).measure(convergence, CASE)
    first = trained(tmp_path)
    for _ in range(2):
        session(monkeypatch, tmp_path, fail, said).measure(convergence, CASE)
        assert trained(tmp_path)["JOB_FAIL_FLAG"] == 1
        assert store.read(kept / "index" / f"{CASE.log_name}_convergence") == first
        assert (kept / "index" / f"{CASE.log_name}_convergence.png").exists()
        assert (kept / "train_log" / f"{CASE.log_name}_convergence").read_text() == "of a good training"
        assert (kept / "checkpoint.pt").exists()
        assert f"{CASE}: {kept} keeps the previous training until this one has succeeded" in said
    session(monkeypatch, tmp_path, converge).measure(convergence, CASE)
    assert trained(tmp_path)["JOB_FAIL_FLAG"] == 0
    assert not kept.exists()


def test_a_previous_training_behind_a_link_is_put_aside_and_its_files_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user has put it on another disk. Every run must be able to replace the name."""
    disk, folder = tmp_path / "disk", tmp_path / "convergence" / CASE.log_name
    disk.mkdir()
    (disk / "checkpoint.pt").touch()
    folder.parent.mkdir()
    folder.symlink_to(disk)
    convergence = drawing(monkeypatch, draw_nothing)
    for _ in range(3):
        artifact = session(monkeypatch, tmp_path, converge).measure(convergence, CASE).artifact
        assert failure_of(artifact) is None
    assert list(folder.parent.iterdir()) == [folder]
    assert (disk / "checkpoint.pt").exists()


def test_nothing_in_place_of_the_folder_makes_a_run_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "convergence" / CASE.log_name
    folder.parent.mkdir()
    os.mkfifo(folder)
    artifact = session(monkeypatch, tmp_path, converge).measure(drawing(monkeypatch, draw_nothing), CASE).artifact
    assert failure_of(artifact) is None
    assert list(folder.parent.iterdir()) == [folder]


def test_what_ends_pytest_while_a_good_training_is_put_aside_loses_no_file_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convergence, replace, moved = drawing(monkeypatch, draw_nothing), Path.replace, []
    session(monkeypatch, tmp_path, converge).measure(convergence, CASE)

    def end_after_one(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) == 2:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", end_after_one)
        with pytest.raises(KeyboardInterrupt):
            session(patch, tmp_path, converge).measure(convergence, CASE)
    session(monkeypatch, tmp_path, fail).measure(convergence, CASE)
    kept = tmp_path / "convergence" / f"{CASE.log_name}.previous"
    names = {path.relative_to(kept).as_posix() for path in kept.rglob("*convergence*")}
    log, artifact = f"train_log/{CASE.log_name}_convergence", f"index/{CASE.log_name}_convergence"
    assert names == {log, f"{log}.steps.jsonl", artifact, f"{artifact}.png"}


def test_a_training_that_resumes_keeps_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "convergence" / CASE.log_name / "checkpoint.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    half_written = checkpoint.with_name(".checkpoint.pt.4711.unfinished")
    half_written.touch()
    session(monkeypatch, tmp_path, fail, resume=True).measure(MEASUREMENTS["convergence"], CASE)
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_a_finished_training_that_is_resumed_by_mistake_keeps_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    folder, convergence = tmp_path / "convergence" / CASE.log_name, drawing(monkeypatch, draw_nothing)
    session(monkeypatch, tmp_path, converge).measure(convergence, CASE)
    first = trained(tmp_path)
    session(monkeypatch, tmp_path, fail, said, resume=True).measure(convergence, CASE)
    assert said[0] == f"{CASE}: {folder} keeps the previous training until this one has succeeded"
    assert store.read(folder / "index" / f"{CASE.log_name}_convergence") == first
    assert (folder / "checkpoint.pt").exists()
    session(monkeypatch, tmp_path, fail).measure(convergence, CASE)
    assert store.read(folder.with_name(f"{folder.name}.previous") / "index" / f"{CASE.log_name}_convergence") == first
