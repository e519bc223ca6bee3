"""A training that runs to its end and is not what its case says, as a user meets it.

Each defect alone: `tests/benchmarks/harness/worker/test_planted_defects.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import read_artifact
from benchmarks.gate import main as gate
from suite import RunPytest

CASE, NAME = "tinyfixed_mp_bs4_fp32_compile_cpu2", "ocr_TinyFixed_mp_bs4_fp32_compile_cpu2"


@pytest.mark.exhaustive
def test_a_wrong_result_fails_with_all_its_details(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> None:
    """Two ranks that both have the samples of rank 0, in a compiled case in which the compiler is disabled."""
    outcome = run_pytest(
        *("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path),
        *("--ocr-steps", 4, "--ocr-warmup", 1),
        TINY_PLANT="shard_of_rank_0",
        TORCHDYNAMO_DISABLE="1",
    )
    document = read_artifact(tmp_path, NAME)
    details = document["details"]
    assert (outcome.code, document["JOB_FAIL_FLAG"], document["FINAL_RESULT"]) == (1, 1, 0)
    assert (details["failure"]["kind"], details["failure"]["rank"], details["source"]) == ("wrong_result", 0, "run")
    assert details["failure"]["message"].startswith("torch.compile compiled nothing: is it disabled")
    assert details["failure"]["message"] in outcome.text
    assert [rank["samples"]["shared"] for rank in details["training"]] == [0, 8]
    assert [rank["compile"]["eager_layers"] for rank in details["training"]] == [3, 3]
    assert gate([str(tmp_path / "index")]) == 1
