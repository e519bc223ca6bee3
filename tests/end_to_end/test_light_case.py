"""A speed case with `--ocr-light`, as a user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from artifacts import read_artifact
from benchmarks.gate import main as gate
from suite import RunPytest

CASE, NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2"
PROBES = {"matmul", "limits", "step_only", "communication", "loader_only", "loader_profile", "reference_check"}


@pytest.mark.slow
def test_a_light_run_succeeds_and_the_gate_refuses_it(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-image-size", 64, "--ocr-steps", 5)
    report = tmp_path / "junit.xml"
    outcome = run_pytest("benchmarks", "--ocr-light", *given, "--ocr-output", tmp_path, "--junitxml", report)
    assert outcome.code == 0, outcome.text
    document = read_artifact(tmp_path, NAME)
    details = document["details"]
    assert (details["source"], document["JOB_FAIL_FLAG"]) == ("light_run", 0)
    assert document["FINAL_RESULT"] == round(20 / details["measured_seconds"], 3)
    assert not PROBES & details["overhead"].keys()
    for rank in details["ranks"]:
        assert 0 < rank["cpu_seconds"] <= details["environment"]["cores"] * (1.05 * rank["measured_seconds"] + 0.1)
    assert re.search(rf"^{CASE}: .*, light run", outcome.text, re.MULTILINE)
    assert re.search(rf"{CASE} +{document['FINAL_RESULT']:.3f} +- +- .* ok ", outcome.text)
    assert '<property name="light" value="yes"' in report.read_text()
    assert not (tmp_path / "report.html").exists()
    (line,) = (tmp_path / "history.jsonl").read_text().splitlines()
    assert json.loads(line)["light"]
    assert gate([str(tmp_path / "index"), "--expect", CASE]) == 1
    assert "invalid  light run: it has no reference check; measure without --ocr-light" in capsys.readouterr().out


def test_a_light_convergence_case_is_a_usage_error(run_pytest: RunPytest) -> None:
    outcome = run_pytest("benchmarks", "-m", "convergence", "--ocr-light", "--ocr-case", "tiny_sp_bs2_fp32_cpu1")
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "--ocr-light: is for speed cases, and benchmarks/test_convergence.py::test_convergence" in outcome.text
    assert "Traceback" not in outcome.text
