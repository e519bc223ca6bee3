from __future__ import annotations

from pathlib import Path

from msgspec import structs

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import DataDescription
from benchmarks.harness.report.summary import Row, data_remarks, result_line, summary_tables, time_spent
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.measurements import MEASUREMENTS
from samples import (
    CONVERGENCE_CASE,
    KILLED,
    SPEED_CASE,
    converged_run,
    convergence_artifact,
    failed_run,
    scores,
    speed_artifact,
)

PASSED, FAILED = speed_artifact(), speed_artifact(failure=KILLED)
SPEED, CONVERGENCE = MEASUREMENTS["speed"], MEASUREMENTS["convergence"]


def row(measurement: str, case: str, artifact: Header, path: str) -> Row:
    return MEASUREMENTS[measurement], parse_case(case), artifact, Path(path)


def columns(line: str) -> list[str]:
    """They are at least two blanks apart."""
    return [part.strip() for part in line.split("  ") if part]


def test_a_result_is_one_line() -> None:
    case = parse_case(SPEED_CASE)
    assert result_line(SPEED, case, PASSED) == (
        "psenet_sp_bs2_fp32_cpu1: 4.000 samples/s, 500.0 ms per step, 20.0% waiting for data, "
        "bound by data, 18% of the roofline"
    )
    assert result_line(SPEED, case, FAILED) == (
        "psenet_sp_bs2_fp32_cpu1: killed (rank 0): rank 0 was killed by SIGKILL"
    )


def test_a_convergence_result_is_one_line(tmp_path: Path) -> None:
    artifact = convergence_artifact(converged_run(tmp_path))
    assert result_line(CONVERGENCE, parse_case(CONVERGENCE_CASE), artifact) == (
        "psenetr18_sp_bs4_fp32_cpu1: hmean 0.750 after 3 steps, 4 s of training"
    )


def test_a_table_has_a_row_per_case_under_its_headings() -> None:
    rows = [
        row("speed", SPEED_CASE, PASSED, "/a/logs/x_speed"),
        row("speed", "psenet_sp_bs8_fp32_1", FAILED, "/b/y_speed"),
    ]
    ((title, (head, good, failed)),) = summary_tables(rows, Path("/a"))
    assert title == "OCR training speed"
    measured = ["samples/s", "loader only", "step only", "step", "data wait", "bound by", "fixed", "machine"]
    assert columns(head) == ["case", *measured, "status", "artifact"]
    cells = ["4.000", "80.000", "5.000", "500.0 ms", "20.0%", "data, 18%", "51.0 s", "quiet", "ok", "logs/x_speed"]
    assert columns(good) == [SPEED_CASE, *cells]
    assert failed.split() == ["psenet_sp_bs8_fp32_1", *"--------", "killed", "/b/y_speed"]
    assert good.index("ok") == failed.index("killed") == head.index("status")


def test_each_measurement_has_its_own_table(tmp_path: Path) -> None:
    missed = convergence_artifact(converged_run(tmp_path, scores=scores(0.1, 0.2)))
    killed = convergence_artifact(failed_run(CONVERGENCE_CASE, "convergence", KILLED, output=tmp_path))
    rows = [
        row("convergence", CONVERGENCE_CASE, convergence_artifact(converged_run(tmp_path)), "/a/x"),
        row("speed", SPEED_CASE, PASSED, "/a/x"),
        row("convergence", CONVERGENCE_CASE, missed, "/a/x"),
        row("convergence", CONVERGENCE_CASE, killed, "/a/x"),
    ]
    (first, speed), (second, (head, *lines)) = summary_tables(rows, Path("/a"))
    assert (first, second) == ("OCR training speed", "OCR training convergence")
    assert len(speed) == 2
    assert head.split() == ["case", "score", "target", "steps", "training", "loss", "status", "artifact"]
    cells = ["0.700", "3", "4", "s", "0.600", "->", "0.100"]
    assert lines[0].split() == [CONVERGENCE_CASE, "hmean", "0.750", *cells, "ok", "x"]
    assert lines[1].split() == [CONVERGENCE_CASE, "hmean", "0.200", *cells, "target_missed", "x"]
    assert lines[2].split() == [CONVERGENCE_CASE, *"-----", "killed", "x"]


def test_the_time_of_all_speed_cases_is_one_line(tmp_path: Path) -> None:
    good, failed = row("speed", SPEED_CASE, PASSED, "/a/x"), row("speed", SPEED_CASE, FAILED, "/a/y")
    convergence = row("convergence", CONVERGENCE_CASE, convergence_artifact(converged_run(tmp_path)), "/a/z")
    shares = "(largest: matmul 62.0, end 20.0, imports 18.0, start 2.0)"
    assert time_spent([good, failed, convergence, good]) == (
        f"2 cases: 120.0 s = 10.0 measured + 8.0 warm-up + 102.0 fixed {shares}"
    )
    assert (time_spent([good]) or "").startswith("1 case: 60.0 s = 5.0 measured")
    assert time_spent([failed, convergence]) is None


def test_remarks_about_the_data_appear_once(tmp_path: Path) -> None:
    def remarked(*remarks: str) -> Row:
        artifact = speed_artifact()
        details = structs.replace(artifact.details, data=DataDescription("icdar2015", 100, list(remarks), {}))
        return row("speed", SPEED_CASE, structs.replace(artifact, details=details), "/a/x")

    failed = row("speed", SPEED_CASE, FAILED, "/a/x")
    assert data_remarks([remarked("flat", "crossing"), failed, remarked("flat"), remarked()]) == ["flat", "crossing"]


def test_without_results_there_is_no_table() -> None:
    assert summary_tables([], Path("/a")) == []


def test_a_failure_of_no_rank_names_none() -> None:
    artifact = speed_artifact(failure=Failure("timeout", "not done after 900 s"))
    assert result_line(SPEED, parse_case(SPEED_CASE), artifact) == f"{SPEED_CASE}: timeout: not done after 900 s"
