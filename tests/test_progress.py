from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.progress import result_line, summary_tables

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
    tables = summary_tables([(PASSED, Path("/a/logs/x_speed")), (FAILED, Path("/b/y_speed"))], Path("/a"))
    assert [title for title, _ in tables] == ["OCR training speed"]
    head, *rows = tables[0][1]
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


CONVERGED: dict[str, Any] = {
    "FINAL_RESULT": 0.964,
    "JOB_FAIL_FLAG": 0,
    "convergence_key": "hmean",
    "convergence_value": 0.9636,
    "loss_curve": [{"step": 2, "loss": 0.64}, {"step": 160, "loss": 0.13}],
    "details": {"case": "psenetsmall_sp_bs4_fp32_cpu1", "measured_steps": 160, "train_seconds": 183.2, "target": 0.7},
}


def test_a_convergence_case_is_told_in_one_line_and_has_a_table_of_its_own() -> None:
    line = "psenetsmall_sp_bs4_fp32_cpu1: hmean 0.964 after 160 steps, 183 s of training"
    assert result_line(CONVERGED) == line
    missed = {"kind": "target_missed", "message": "hmean is 0.2000", "rank": None}
    failed = {
        **CONVERGED,
        "JOB_FAIL_FLAG": 1,
        "convergence_value": 0.2,
        "details": {**CONVERGED["details"], "failure": missed},
    }
    killed = {**FAILED, "convergence_key": "hmean", "convergence_value": None}
    rows = [(document, Path("/a/x")) for document in (PASSED, CONVERGED, failed, killed)]
    (_, speed), (title, (head, *lines)) = summary_tables(rows, Path("/a"))
    assert len(speed) == 2
    assert title == "OCR training convergence"
    assert head.split() == ["case", "hmean", "target", "steps", "training", "loss", "status", "artifact"]
    cells = ["0.700", "160", "183", "s", "0.640", "->", "0.130"]
    assert lines[0].split() == ["psenetsmall_sp_bs4_fp32_cpu1", "0.964", *cells, "ok", "x"]
    assert lines[1].split() == ["psenetsmall_sp_bs4_fp32_cpu1", "0.200", *cells, "target_missed", "x"]
    assert lines[2].split() == ["psenet_sp_bs8_fp32_1", *"-----", "killed", "x"]
