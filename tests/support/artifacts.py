"""Artifacts that a run left, as plain JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.results import store
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.validation import problems

TEN_FIELDS = [
    *("log_file", "model_name", "mission_name", "direction_id", "run_mode"),
    *("index", "gpu_num", "FINAL_RESULT", "JOB_FAIL_FLAG", "UNIT"),
]


def read_artifact(output: Path, log_name: str, measurement: str = "speed") -> dict[str, Any]:
    """The artifact of a case in an output folder. It fits its schema."""
    form = MEASUREMENTS[measurement].form
    document: dict[str, Any] = store.read(output / "index" / form.file_name(log_name))
    assert problems(document, form) == []
    return document
