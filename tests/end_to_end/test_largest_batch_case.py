"""A search through a real pytest and real ranks, whose memory the kernel limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import TEN_FIELDS, read_artifact
from benchmarks import gate
from failing_runs import CASE, NAME, OUTPUT_VARIABLE, processes_of
from suite import RunPytest

pytestmark = pytest.mark.slow


def test_a_search_finds_the_largest_batch_within_a_memory_limit(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample at position 12 comes first in a batch of 4, in its fourth step. There the model wants 8 GiB."""
    outcome = run_pytest(
        *("benchmarks", "-m", "largest_batch", "--ocr-case", CASE, "--ocr-image-size", 64, "--ocr-steps", 3),
        *("--ocr-warmup", 1, "--ocr-memory-limit", "1.5GiB", "--ocr-data", image_folder, "--ocr-output", tmp_path),
        TINY_FAULT="hoard@12",
        **{OUTPUT_VARIABLE: str(tmp_path)},
    )
    assert outcome.code == 0, outcome.text
    document = read_artifact(tmp_path, NAME, "largest_batch")
    details = document["details"]
    assert list(document) == [*TEN_FIELDS, "details"]
    assert (document["index"], document["UNIT"], document["FINAL_RESULT"]) == (6, "samples", 3)
    assert [(each["batch_size_per_process"], each["outcome"]) for each in details["tries"]] == [
        (2, "trained"),
        (4, "out_of_memory"),
        (3, "trained"),
    ]
    assert "DefaultCPUAllocator: can't allocate memory" in details["tries"][1]["message"]
    assert details["memory_limit_source"] == "option"
    assert details["peak_memory_bytes"] < details["memory_limit_bytes"] == 3 * 2**29
    log = (tmp_path / "train_log" / f"{NAME}_largest_batch").read_text()
    assert "try 2: tiny_sp_bs4_fp32_cpu1\n" in log
    assert "try 3: batch 3 per process: trained" in log
    assert f"{CASE}: largest batch 3 per process, limit 1.50 GiB (--ocr-memory-limit)" in outcome.text
    assert "OCR largest batch" in outcome.text
    assert gate.main([str(tmp_path / "index"), "--expect", f"{CASE}_largest_batch"]) == 0, capsys.readouterr().out
    assert processes_of(tmp_path) == []
