"""Memory cases, as a user meets them: one that is measured, and one that has not enough memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from artifacts import read_artifact
from benchmarks.gate import main as gate
from suite import RunPytest

GOOD, BAD = "tiny_sp_bs2_fp32_cpu1", "tiny_mp_bs4_fp32_cpu2"


@pytest.mark.slow
def test_a_case_says_what_its_memory_is_used_for_or_that_it_does_not_suffice(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--ocr-case", GOOD, "--ocr-case", BAD, "--ocr-data", image_folder, "--ocr-image-size", 512)
    outcome = run_pytest("benchmarks", "-m", "memory", *given, "--ocr-output", tmp_path, TINY_FAULT="address_space@9/1")
    assert outcome.code == 1, outcome.text
    document = read_artifact(tmp_path, "ocr_Tiny_sp_bs2_fp32_cpu1", "memory")
    details = document["details"]
    assert (document["JOB_FAIL_FLAG"], document["index"], document["UNIT"]) == (0, 2, "MiB")
    assert document["FINAL_RESULT"] == round(details["peak_bytes"] / 2**20, 3)
    assert sum(each or 0 for each in details["shares"].values()) == details["peak_bytes"]
    assert details["measured_steps"] == 3
    assert details["host_peak_bytes"] >= details["peak_bytes"] > details["step"]["before_step"]["reserved_bytes"] / 2
    assert details["tensors"]["batch"] == 2 * (3 * 512 * 512 * 4 + 8)
    assert details["shares"]["activations"] > 2 * 4 * 508 * 508 * 4  # what batch norm keeps
    assert details["loader_peak_bytes"] > 2**24
    assert details["snapshot_note"] == "the case runs on the CPU"
    assert [each["samples"] for each in details["batch_peaks"]] == [2, 1]
    assert re.search(
        rf"OCR training memory =+\ncase +peak MiB .*\n{GOOD} +{document['FINAL_RESULT']:.1f} ", outcome.text
    )
    failed = read_artifact(tmp_path, "ocr_Tiny_mp_bs4_fp32_cpu2", "memory")
    assert (failed["JOB_FAIL_FLAG"], failed["FINAL_RESULT"]) == (1, 0)
    assert (failed["details"]["failure"]["kind"], failed["details"]["failure"]["rank"]) == ("out_of_memory", 1)
    assert gate([str(tmp_path / "index"), "--expect", f"{GOOD}_memory"]) == 1
    judged = capsys.readouterr().out
    assert re.search(r"_cpu1_memory +\S+ +MiB +ok", judged), judged
    assert re.search(r"_cpu2_memory +0.000 +MiB +failed +out_of_memory \(rank 1\)", judged), judged
