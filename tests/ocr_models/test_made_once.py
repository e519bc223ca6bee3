"""A data set is made once, whole, by one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr_models.errors import DataError
from ocr_models.made_once import made_once, making


def write_one_file(folder: Path) -> None:
    (folder / "file").write_text("content")


def fail(folder: Path) -> None:
    raise AssertionError("made again")


def test_a_set_is_made_once(tmp_path: Path) -> None:
    root = made_once("pages", "v1", write_one_file, tmp_path / "cache")
    assert (root / "file").read_text() == "content"
    assert root.name.startswith("pages-")
    assert made_once("pages", "v1", fail, tmp_path / "cache") == root


def test_another_identity_is_another_set(tmp_path: Path) -> None:
    roots = {made_once("pages", identity, write_one_file, tmp_path) for identity in ("v1", "v2", "v1")}
    assert len(roots) == 2


def test_what_a_killed_process_left_is_not_found_and_is_removed(tmp_path: Path) -> None:
    def stop(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once("pages", "v1", stop, tmp_path)
    assert all(path.name.endswith((".unfinished", ".lock")) for path in tmp_path.iterdir())
    root = made_once("pages", "v1", write_one_file, tmp_path)
    assert [path.name for path in root.iterdir()] == ["file"]
    assert {path.name for path in tmp_path.iterdir()} == {root.name, f"{root.name}.lock"}


def test_a_failed_write_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    def no_space(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"cannot be written: No space left on device; set XDG_CACHE_HOME"):
        made_once("pages", "v1", no_space, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written: Not a directory; set XDG_CACHE_HOME"):
        made_once("pages", "v1", fail, tmp_path / "file" / "cache")


def test_a_pipe_gets_one_line_with_the_final_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with making("a set of shapes", tmp_path / "shapes-1.unfinished", 3, "shape") as advance:
        advance(2)
    assert capsys.readouterr() == ("", f"making a set of shapes of 3 shapes in {tmp_path / 'shapes-1'}\n")
