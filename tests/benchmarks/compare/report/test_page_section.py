"""The comparisons in the page of an output folder."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.compare.arguments import parse, parser
from benchmarks.compare.document import FOLDER, Comparison, Difference
from benchmarks.compare.question import question
from benchmarks.compare.report.page_section import MAX_BARS, MAX_ROWS, comparisons_section, repeat_command, section
from benchmarks.harness.report.page.contents import FOLDER_SECTIONS
from benchmarks.harness.report.page.folder import Folder
from benchmarks.harness.report.page.sections import Cell
from compared import CASE, case, comparison, interval, pair, verdict
from comparisons import NOW, side_description, write_comparison


def write(output: Path, content: Comparison, name: str = "test", number: int = 0) -> None:
    path = output / FOLDER / f"{name}{f'.{number}' if number else ''}.json"
    write_comparison(path, structs.replace(content, name=name))
    os.utime(path, (1000 - number, 1000 - number))


def row(content: Comparison) -> list[str]:
    return [each.text if isinstance(each, Cell) else each for each in section([content]).tables[0].rows[0]]


def test_a_row_has_verdict_interval_rates_and_pairs() -> None:
    repeated = [pair(1, 1, counted=False), pair(1, 2), pair(2)]
    assert row(comparison(case(pairs=repeated))) == [
        *(CASE, "slower, perhaps within 3 %", "head is 5.0 % slower than base", "-5.0 % (-7.0 to -3.0)"),
        *("10.00", "9.500", "2 (1 repeated)", "2026-01-02 00:00"),
    ]


def test_both_sides_of_a_comparison_are_named_and_its_command_asks_the_same() -> None:
    asked = structs.replace(comparison().procedure, allowed_slowdown=0.025, max_pairs=20, budget_minutes=1.5, full=True)
    made = comparison(case(), procedure=asked, base=side_description(given=["rev:main", "options:--ocr-timeout 9"]))
    found = section([made])
    assert [cell.text for cell in found.tables[1].rows[0] if isinstance(cell, Cell)][1:3] == [
        made.base.title,
        made.head.title,
    ]
    (command,) = found.texts[0].lines
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "benchmarks.compare"]
    given = parse(words[3:], parser())
    assert (given.base, given.head, given.case) == (made.base.given, ["."], [CASE])
    assert (given.max_slowdown, given.max_pairs, given.budget, given.full) == (0.025, 20, 1.5, True)
    assert given.common_options == asked.common_options


@pytest.mark.parametrize(
    ("base", "head"), [([], []), (["case:dbr18_sp_bs2_fp32_cpu1"], []), ([], [f"case:{CASE}"]), ([f"case:{CASE}"],) * 2]
)
def test_the_command_of_a_comparison_can_be_asked_whatever_side_has_a_case_of_its_own(
    base: list[str], head: list[str]
) -> None:
    cases = [(base or [f"case:{CASE}"])[0].removeprefix("case:"), (head or [f"case:{CASE}"])[0].removeprefix("case:")]
    made = comparison(
        case(base_case=cases[0], head_case=cases[1]),
        base=side_description(given=[".", *base]),
        head=side_description(given=[".", "environ:A=1", *head]),
    )
    asked = question(parse(shlex.split(repeat_command(made))[3:], parser()))
    assert [[str(case) for case in pair] for pair in asked.cases] == [cases]


def test_the_band_is_behind_the_bar_and_not_behind_its_name() -> None:
    svg = str(section([comparison()]).charts[0].svg)
    name = float(svg.partition('class="label"')[2].partition('y="')[2].partition('"')[0])
    band = float(svg.partition('class="shade"')[2].partition(' y="')[2].partition('"')[0])
    assert band > name


def test_the_chart_has_interval_band_and_one_in_their_places() -> None:
    found = section([comparison(case(verdict=verdict(wall=interval(0.95, 0.9, 1.0))))])
    (chart,) = found.charts
    assert "0.950 (0.900 to 1.000)" in chart.description
    assert [name for _, name in chart.legend] == ["allowed: up to 3 % slower", "1: equally fast"]
    svg = str(chart.svg)
    (start, end) = svg.partition('class="line s0" d="M')[2].partition("M")[0].replace("H", " ").split()[::2]
    level = svg.partition('class="level" d="M')[2].split()[0]
    assert float(start) < float(end) == float(level)
    width = float(svg.partition('class="shade"')[2].partition('width="')[2].partition('"')[0])
    assert width == round(0.3 * (float(end) - float(start)), 1)


def test_what_is_slower_failed_or_computes_something_else_is_said_above_the_table() -> None:
    failed = case(verdict=verdict("failed", wall=None, cpu=None, rests_on=[], sentence="the head was killed"))
    other = case(verdict=verdict("faster"), training_changes=[Difference(field="losses", base="1", head="2")])
    notes = section([comparison(case(), failed, other)]).notes
    assert "3 compared cases: 1 slower, perhaps within 3 %, 1 failed, 1 faster" in notes[0].text
    assert section([comparison(case())]).summary == "1 compared case: 1 slower, perhaps within 3 %."
    assert [(note.tone, note.text.partition(": ")[2]) for note in notes[1:]] == [
        ("bad", "head is 5.0 % slower than base"),
        ("bad", "the head was killed"),
        ("warning", notes[-1].text.partition(": ")[2]),
    ]
    assert "compute different things (1 figure differs)" in notes[-1].text


def test_a_verdict_that_rests_on_cpu_seconds_alone_is_drawn_with_them() -> None:
    (chart,) = section([comparison(case(verdict=verdict(rests_on=["cpu"])))]).charts
    assert "samples per CPU second" in chart.title
    assert "0.960 (0.950 to 0.970)" in chart.description


def test_the_latest_document_of_each_name_is_shown_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert comparisons_section(Folder(tmp_path)).is_empty
    write(tmp_path, comparison())
    write(tmp_path, comparison(), number=1)
    write(tmp_path, comparison(updated_at=NOW + timedelta(days=1)), name="later.1")
    (tmp_path / FOLDER / "bad.json").write_text('{"schema_version": 1}')
    os.mkfifo(tmp_path / FOLDER / "pipe.json")
    found = comparisons_section(Folder(tmp_path))
    assert [each[-1].text for each in found.tables[0].rows] == ["2026-01-03 00:00", "2026-01-02 00:00"]  # type: ignore[union-attr]
    named = sorted(note.text.split()[0] for note in found.notes if note.tone == "warning")
    assert named == ["bad.json", "pipe.json"]


def test_the_section_is_bounded_and_an_endless_interval_leaves_the_axis_readable() -> None:
    endless = case(verdict=verdict(wall=interval(1.0, 1e-9, 1e9)))
    found = section([comparison(*[endless] * (2 * MAX_ROWS))])
    assert len(found.tables[0].rows) == MAX_ROWS
    assert str(found.charts[0].svg).count("<circle") == MAX_BARS
    assert ">1.50<" in str(found.charts[0].svg) or ">1.5<" in str(found.charts[0].svg)


def test_it_loads_no_statistics_as_it_is_written_at_the_end_of_each_session() -> None:
    (path,) = (each for each in FOLDER_SECTIONS if "compare" in each)
    program = f"import sys, {path.partition(':')[0]}; sys.exit(any(name in sys.modules for name in ('scipy', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
