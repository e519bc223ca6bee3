"""The command, run in the tests' process on a log of the test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import analysis_log
from benchmarks.harness.results import store
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.log import log_contradictions
from benchmarks.harness.results.validation import problems
from train_logs import Analyse


@pytest.fixture
def analyse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Analyse:
    """`analyse(log, *options)`: exit code and JSON, whose validity and shape are checked at each call."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("job_fail_flag", raising=False)

    def run(log: str | bytes, *options: object) -> tuple[int, dict[str, Any]]:
        Path("train.log").write_bytes(log if isinstance(log, bytes) else log.encode())
        code = analysis_log.main(["--filename", "train.log", "--keyword", "ips:", *map(str, options)])
        output = capsys.readouterr().out
        assert output.count("\n") == 1
        document = json.loads(output)
        assert problems(document, SPEED) == []
        assert log_contradictions(store.decoded(document, SPEED)) == []
        assert (code, document["FINAL_RESULT"] == 0) == ((1, True) if document["JOB_FAIL_FLAG"] else (0, False))
        return code, document

    return run
