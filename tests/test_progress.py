from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.progress import result_line, summary_table

PASSED: dict[str, Any] = {
    "FINAL_RESULT": 0.6666,
    "JOB_FAIL_FLAG": 0,
    "details": {
        "case": "psenet_sp_bs2_fp32_cpu1",
        "step_seconds": {"p50": 3.0, "p95": 3.1},
        "data_wait_share": 0.004,
        "loader_ceiling": 88.25,
        "compute_ceiling": 0.6999,
    },
}
FAILED: dict[str, Any] = {
    "FINAL_RESULT": 0,
    "JOB_FAIL_FLAG": 1,
    "details": {"case": "psenet_sp_bs8_fp32_1", "failure": {"kind": "killed", "message": "by SIGKILL", "rank": 0}},
}


def test_a_result_is_told_in_one_line() -> None:
    assert result_line(PASSED) == "psenet_sp_bs2_fp32_cpu1: 0.667 samples/s, 3000.0 ms a step, 0.4% waiting for data"
    assert result_line(FAILED) == "psenet_sp_bs8_fp32_1: killed (rank 0): by SIGKILL"


def test_the_table_holds_every_case_under_its_heading() -> None:
    head, *rows = summary_table([(PASSED, Path("/a/logs/x_speed")), (FAILED, Path("/b/y_speed"))], Path("/a"))
    assert head.split() == [
        "case",
        "samples/s",
        "loader",
        "alone",
        "step",
        "alone",
        "step",
        "data",
        "wait",
        "status",
        "artifact",
    ]
    assert rows[0].split() == [
        "psenet_sp_bs2_fp32_cpu1",
        "0.667",
        "88.250",
        "0.700",
        "3000.0",
        "ms",
        "0.4%",
        "ok",
        "logs/x_speed",
    ]
    assert rows[1].split() == ["psenet_sp_bs8_fp32_1", "-", "-", "-", "-", "-", "killed", "/b/y_speed"]
    assert rows[0].index("ok") == rows[1].index("killed") == head.index("status")


def test_a_result_from_a_machine_that_was_not_left_alone_says_so() -> None:
    details = {**PASSED["details"], "step_seconds": {"p50": 3.0, "p95": 9.0}}
    line = result_line({**PASSED, "details": details})
    assert line.endswith("waiting for data; unsteady: one step in twenty takes 3.0 x the median")
