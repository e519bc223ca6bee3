from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from benchmarks import analysis_log
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.validation import problems
from train_logs import Analyse


def test_foreign_bytes_windows_line_ends_progress_bars_and_colours_are_tolerated(analyse: Analyse) -> None:
    log = (
        b"\xef\xbb\xbfips: 2.0 x\r\n"
        b"\xff\xfe\x00 gar\xc3bage\r\n"
        b"\xe9poque ips: 4.0 \xe9\r\n"
        b"  5%|#   | ips: 8.0 it\r 10%|##  | ips: 16.0 it\r\n"
        b"\x1b[32mips:\x1b[0m \x1b[1;31m32.0\x1b[0m\n"
    )
    _, document = analyse(log)
    assert document["details"]["records_found"] == 5
    assert document["FINAL_RESULT"] == round(statistics.harmonic_mean([2, 4, 8, 16, 32]), 3)


def test_a_log_that_cannot_be_read_yields_a_valid_failed_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, cause in (("nowhere.log", "No such file or directory"), (".", "Is a directory")):
        assert analysis_log.main(["--filename", name, "--keyword", "ips:"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert problems(document, SPEED) == []
        assert document["details"]["failure"] == {
            "kind": "log", "message": f"the log cannot be read: {cause}", "rank": None
        }  # fmt: skip
