from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.compare.document import FOLDER
from benchmarks.harness.report.page.writing import page_line
from compared import case, comparison
from comparisons import write_comparison
from page_folder import put
from samples import KILLED, speed_artifact


def test_it_writes_the_page_into_the_folder_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "speed", speed_artifact(failure=KILLED))
    assert report.main([str(tmp_path)]) == 0  # it shows, the gate judges
    assert capsys.readouterr().out == f"{tmp_path}/report.html\n"
    assert "1 of 1 case failed" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_output_and_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "speed", speed_artifact())
    assert report.main([str(tmp_path / "index"), "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("## OCR training benchmarks: 1 case passed")
    assert not (tmp_path / "report.html").exists()
    other = tmp_path / "new" / "page.html"
    assert report.main([str(tmp_path), "--markdown", "--output", str(other)]) == 0
    assert other.exists()


@pytest.mark.parametrize("folder", ["missing", "empty", "x" * 300])
def test_without_an_artifact_it_says_so(tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert report.main([str(tmp_path / folder)]) == 1
    assert "nothing was measured" in capsys.readouterr().out


def test_a_folder_of_comparisons_alone_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_comparison(tmp_path / FOLDER / "test.json", comparison(case()))
    assert report.main([str(tmp_path)]) == 0
    assert "1 compared case" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"{tmp_path}/report.html\n"


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "speed", speed_artifact())
    (tmp_path / "file").touch()
    assert report.main([str(tmp_path), "--output", str(tmp_path / "file" / "page.html")]) == 1
    assert capsys.readouterr().err.endswith("page.html cannot be written: File exists\n")


def test_wrong_use_is_2() -> None:
    with pytest.raises(SystemExit, match="2"):
        report.main([])


def test_at_the_end_of_a_session_the_page_is_best_effort(tmp_path: Path) -> None:
    put(tmp_path / "logs", "speed", speed_artifact())
    assert page_line(tmp_path / "logs", tmp_path) == "page: logs/report.html"
    (tmp_path / "logs" / "report.html").unlink()
    (tmp_path / "logs" / "report.html").mkdir()
    line = page_line(tmp_path / "logs", tmp_path)
    assert line.startswith("no report.html: ")
    assert "\n" not in line
