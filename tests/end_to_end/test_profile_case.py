"""A profile case, as a user meets it."""

from __future__ import annotations

import getpass
import gzip
import json
from pathlib import Path

import pytest

from artifacts import read_artifact
from benchmarks.gate import main as gate
from suite import RunPytest

CASE, NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2"
STEPS = 12
"""More than are profiled."""


@pytest.mark.slow
def test_two_ranks_are_profiled_and_leave_a_trace(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> None:
    given = (
        "--ocr-case",
        CASE,
        "--ocr-data",
        image_folder,
        "--ocr-image-size",
        64,
        "--ocr-steps",
        STEPS,
        "--ocr-loader-workers",
        0,
    )
    outcome = run_pytest("benchmarks", "-m", "profile", *given, "--ocr-output", tmp_path)
    assert outcome.code == 0, outcome.text
    assert f"{CASE}: 10 steps, not {STEPS} (--ocr-steps): a profile case takes no more" in outcome.text
    assert "OCR training profile" in outcome.text
    document = read_artifact(tmp_path, NAME, "profile")
    details = document["details"]
    assert (document["index"], document["UNIT"], document["JOB_FAIL_FLAG"]) == (3, "%", 0)
    assert (details["profiled_steps"], details["measured_steps"]) == (10, 10)
    assert [each["rank"] for each in details["ranks"]] == [0, 1]
    assert all(0 < each["busy_fraction"] <= 1 for each in details["ranks"])
    groups = {each["group"]: each for each in details["profile"]["groups"]}
    assert {"convolution", "optimiser", "communication"} <= groups.keys()
    assert set(groups["convolution"]["parts"]) == {"forward", "backward"}
    assert details["communication"]["seconds_per_step"] > 0
    convolution = next(each for each in details["profile"]["top_operators"] if each["name"] == "aten::conv2d")
    assert convolution["tflops"] > 0
    assert convolution["terabytes_per_second"] > 0
    assert gate([str(tmp_path / "index"), "--expect", f"{CASE}_profile"]) == 0
    trace = gzip.decompress((tmp_path / "index" / details["trace"]).read_bytes()).decode()
    assert json.loads(trace).keys() <= {"schemaVersion", "deviceProperties", "displayTimeUnit", "traceEvents"}
    assert not any(private in trace for private in (str(tmp_path), str(image_folder), f"/home/{getpass.getuser()}"))
