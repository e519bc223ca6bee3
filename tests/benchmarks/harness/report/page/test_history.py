"""The section on history: what changed since the last run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.cases import parse_case
from benchmarks.harness.report.page import history as page
from benchmarks.harness.report.page.folder import Folder
from benchmarks.harness.report.page.history_runs import MAX_RUNS, case_histories
from benchmarks.harness.report.page.sections import Cell, Section, Table
from benchmarks.harness.results.common import new_run_id
from benchmarks.harness.results.history import HISTORY, HistoryLine, history_line
from benchmarks.harness.results.history_file import History, append
from samples import KILLED, speed_artifact

CASE = "psenet_sp_bs2_fp32_cpu1"
GOOD = history_line(speed_artifact(CASE), "speed", parse_case(CASE))
FAILED = history_line(speed_artifact(CASE, KILLED), "speed", parse_case(CASE), GOOD.machine)


def runs(*results: float | HistoryLine, **changed: Any) -> list[HistoryLine]:
    lines = [each if isinstance(each, HistoryLine) else structs.replace(GOOD, FINAL_RESULT=each) for each in results]
    return [
        structs.replace(line, run_id=new_run_id(), started_at=GOOD.started_at + timedelta(hours=number), **changed)
        for number, line in enumerate(lines)
    ]


def section(*lines: HistoryLine, **anchors: str) -> Section:
    return page.section(History(list(lines)), anchors)


def texts(table: Table, row: int = 0) -> dict[str, str]:
    cells = [each.text if isinstance(each, Cell) else each for each in table.rows[row]]
    return dict(zip(table.headings, cells, strict=True))


def test_the_last_run_is_held_against_the_comparable_ones_before_it() -> None:
    lines = runs(4.0, 4.1, 4.2, 3.0)
    found = section(*lines, **{lines[-1].run_id: "case-a"})
    row = texts(found.tables[0])
    assert row["result"] == "3.000 samples/s"
    assert row["change (%)"] == "-28.6 %"
    assert row["earlier comparable runs"] == "4.000 to 4.200 (3)"
    assert row["status"].startswith("unusual")
    assert "the last result of 1 is unusual" in found.notes[0].text
    assert f"Largest change since the last comparable run: {CASE}, -28.6 %, a single run each" in found.notes[0].text
    assert found.summary == found.notes[0].text
    assert found.tables[0].rows[0][0] == Cell(CASE, link="case-a")


def test_disturbed_runs_and_those_of_other_versions_say_nothing_about_what_is_usual() -> None:
    disturbed = structs.replace(GOOD, FINAL_RESULT=9.0, machine_verdict="disturbed")
    other = structs.replace(GOOD, FINAL_RESULT=9.0, versions={"torch": "1.0"})
    (found,) = case_histories(runs(4.0, disturbed, other, 4.1, FAILED, 4.05))
    assert found.earlier_results == [4.0, 4.1]
    assert not found.is_unusual


def test_changed_conditions_are_named_and_marked_and_another_machine_interrupts_the_line() -> None:
    other = structs.replace(GOOD, machine=GOOD.machine | {"cpu": "another"})
    newer = structs.replace(other, versions=GOOD.versions | {"torch": "99"})
    found = section(*runs(GOOD, GOOD, other, other, other, other, newer))
    assert "torch" in texts(found.tables[0])["what changed"]
    svg = str(found.charts[0].svg)
    assert svg.count('class="mark"') == 2
    assert ">machine<" in svg
    assert ">torch<" in svg
    line = svg.partition('class="line s0" d="')[2].partition('"')[0]
    assert line.count("M") == 2


def test_the_change_of_the_machine_itself_is_next_to_that_of_the_result() -> None:
    before, now = (structs.replace(GOOD, FINAL_RESULT=4 * part, matmul_tflops=part) for part in (1.0, 0.7))
    found = section(*runs(before, now))
    assert [texts(found.tables[0])[name] for name in ("change (%)", "matmul (%)")] == ["-30.0 %", "-30.0 %"]
    assert found.notes[0].text.endswith("; a large matrix product changed by -30.0 % between these runs.")
    light = structs.replace(now, matmul_tflops=None)
    assert texts(section(*runs(before, light)).tables[0])["matmul (%)"] == "-"


def test_another_revision_of_the_suite_is_named_and_makes_no_run_incomparable() -> None:
    old, new = (structs.replace(GOOD, git_commit=letter * 40, git_dirty=letter == "b") for letter in "ab")
    row = texts(section(*runs(old, new)).tables[0])
    assert row["what changed"] == "revision aaaaaaaa -> bbbbbbbb+"
    assert row["change (%)"] == "+0.0 %"
    assert texts(section(*runs(old, old)).tables[0])["what changed"] == "-"
    unknown = structs.replace(GOOD, git_commit=None)
    assert texts(section(*runs(unknown, new)).tables[0])["what changed"] == "-"


def test_failed_and_disturbed_runs_are_marked() -> None:
    disturbed = structs.replace(GOOD, machine_verdict="disturbed")
    found = section(*runs(GOOD, disturbed, FAILED, FAILED))
    assert [name for _, name in found.charts[0].legend] == ["result", "machine disturbed", "failed"]
    assert texts(found.tables[0])["status"] == f"failed: {KILLED.kind}"
    assert found.charts[0].table is not None
    assert [texts(found.charts[0].table, row)["status"] for row in range(4)] == [
        *["failed: killed"] * 2,
        *("disturbed", "ok"),
    ]


def test_what_a_reader_has_to_see_comes_first_and_a_case_that_ran_once_is_left_out() -> None:
    failed, small, large, once = (f"psenet_sp_bs{size}_fp32_cpu1" for size in (1, 2, 3, 4))
    lines = [
        *(*runs(4.0, 4.1, case=small), *runs(4.0, 3.0, case=large)),
        *(*runs(4.0, FAILED, case=failed), *runs(4.0, case=once)),
    ]
    assert [each.case for each in case_histories(lines)] == [failed, large, small]


def test_the_section_is_bounded() -> None:
    cases = [each for size in range(1, 301) for each in runs(4.0, 4.1, case=f"psenet_sp_bs{size}_fp32_cpu1")]
    found = section(*cases, *runs(*[4.0] * 3 * MAX_RUNS))
    assert len(found.charts) == page.MAX_CHARTS
    assert len(found.tables[0].rows) == page.MAX_ROWS
    (history,) = case_histories(runs(*[4.0] * 3 * MAX_RUNS))
    assert (len(history.runs), history.total) == (MAX_RUNS, 3 * MAX_RUNS)


def test_it_is_read_from_the_folder_and_empty_without_a_second_run(tmp_path: Path) -> None:
    assert page.history_section(Folder(tmp_path)).is_empty
    first, second = runs(4.0, 5.0)
    append(tmp_path / HISTORY, first)
    assert page.history_section(Folder(tmp_path)).is_empty
    append(tmp_path / HISTORY, second)
    assert texts(page.history_section(Folder(tmp_path)).tables[0])["change (%)"] == "+25.0 %"


def test_a_change_after_few_runs_is_not_called_usual() -> None:
    found = section(*runs(4.0, 2.0))
    assert "1 cannot be judged yet, as fewer than 3 runs before are comparable" in found.summary
    row = texts(found.tables[0])
    assert (row["status"], row["earlier comparable runs"]) == ("too few runs to judge", "4.000 (1)")
    failed = section(*runs(4.0, FAILED))
    assert "cannot be judged" not in failed.summary
