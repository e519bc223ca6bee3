from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks.harness.report import page
from benchmarks.harness.report.page.charts import SERIES, Bar, Part, bars, distribution, lines, stacked, thinned
from benchmarks.harness.report.page.drawing import Line
from benchmarks.harness.report.page.scales import tick_labels, ticks
from benchmarks.harness.report.page.sections import Cell, Chart

NAN = math.nan


def drawn(chart: Chart) -> ElementTree.Element:
    """The drawing, which is well-formed."""
    return ElementTree.fromstring(chart.svg)


def paths(chart: Chart, kind: str) -> list[str]:
    return [each.get("d", "") for each in drawn(chart).iter("path") if kind in each.get("class", "").split()]


def simple(*series: Line, **options: object) -> Chart:
    return lines("A title", "What one sees", series, x_label="step", y_label="ms", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "chart",
    [
        simple(Line("a", [(1, 2.0), (2, 3.0)])),
        bars("A title", "What one sees", [Bar("a", 1.0, "1 s"), Bar("b", 2.0, "2 s", emphasised=True)], "s"),
        stacked("A title", "What one sees", [("", [Part("a", 1.0, "1 s")])], "s"),
        distribution("A title", "What one sees", [1.0, 2.0, 2.5], [(2.0, "p50")], "ms"),
    ],
    ids=["lines", "bars", "stacked", "distribution"],
)
def test_a_chart_has_a_role_a_title_and_a_description(chart: Chart) -> None:
    root = drawn(chart)
    assert root.get("role") == "img"
    assert (root.findtext("title") or "").startswith("A title")
    assert (root.findtext("desc") or "").startswith("What one sees")


@pytest.mark.parametrize(
    "odd", [[], [(1.0, None)], [(1.0, NAN), (2.0, math.inf)], [(5.0, 0.0)], [(1.0, -2.0), (2.0, 1e300)]]
)
def test_lines_of_odd_values_can_be_drawn(odd: list[tuple[float, float | None]]) -> None:
    chart = simple(Line("a", odd), Line("b", odd, filled=True, dots=True))
    assert "nan" not in chart.svg
    assert "inf" not in chart.svg


def test_a_missing_value_interrupts_the_line() -> None:
    (path,) = paths(simple(Line("a", [(1, 1.0), (2, None), (3, 2.0), (4, 2.0)])), "line")
    assert path.count("M") == 2


def test_the_axis_begins_at_zero_and_a_range_can_be_shaded() -> None:
    chart = simple(Line("a", [(1, 500.0), (8, 600.0)]), shaded=(1, 2, "warm-up"))
    texts = [each.text for each in drawn(chart).iter("text")]
    assert texts[0] == "0"
    assert ("shade", "warm-up") in chart.legend
    assert all(float(text or "").is_integer() for text in texts if text and re.fullmatch(r"\d+", text))


def test_text_of_a_chart_is_escaped() -> None:
    hostile = '<script>"&\u202e'
    chart = bars(hostile, hostile, [Bar(hostile, 1.0, hostile)], hostile)
    assert "<script" not in chart.svg
    assert "\u202e" not in chart.svg
    assert (drawn(chart).findtext("title") or "").startswith('<script>"&\\u202e')


def test_a_bar_that_is_much_longer_than_the_others_is_drawn_with_a_gap() -> None:
    chart = bars("t", "d", [Bar("a", 1.0, "1"), Bar("b", 2.0, "2"), Bar("c", 1000.0, "1000")], "s")
    assert len(paths(chart, "gap")) == 1
    assert paths(bars("t", "d", [Bar("a", 1.0, "1"), Bar("b", 2.0, "2")], "s"), "gap") == []
    assert "c 1000" in (drawn(chart).findtext("desc") or "")
    whole = bars("t", "d", [Bar("a", 1.0, "1"), Bar("b", 2.0, "2"), Bar("c", 1000.0, "1000")], "s", to_scale=True)
    assert (paths(whole, "gap"), whole.legend) == ([], ())
    assert chart.legend == (("cut", "a bar with a gap is longer than drawn"),)
    assert bars("t", "d", [Bar("a", 1.0, "1")], "s").legend == ()


def test_parts_of_a_whole_fill_its_width() -> None:
    chart = stacked("t", "d", [("", [Part("a", 3.0, "3 s"), Part("b", 1.0, "1 s")])], "s")
    widths = [float(re.findall(r"h([\d.]+)", path)[0]) for path in paths(chart, "bar")]
    assert widths == [284.0, 94.0]
    assert chart.legend == (("s0", "a: 3 s"), ("s1", "b: 1 s"))


def test_every_series_has_a_colour_of_its_own_in_light_and_dark() -> None:
    style = Path(page.__file__).parent.joinpath("files", "page.css").read_text(encoding="utf-8")
    names = [re.findall(rf"\.s{number} {{ --c: var\(--(\w+)\)", style) for number in range(SERIES)]
    assert [len(name) for name in names] == [1] * SERIES
    for name in ("light", "dark"):
        scheme = style.partition("prefers-color-scheme")[0 if name == "light" else 2]
        colours = [re.search(rf"--{found}: (#\w+)", scheme) for (found,) in names]
        assert len({colour[1] for colour in colours if colour is not None}) == SERIES


def test_a_distribution_counts_every_value() -> None:
    chart = distribution("t", "d", [1.0, 1.0, 3.0, NAN], [(1.0, "p50")], "ms")
    assert chart.table is not None
    row = [cell.text for cell in chart.table.rows[0] if isinstance(cell, Cell)]
    assert row == ["1.000", "1.000", "3.000"]
    (path,) = paths(chart, "bar")
    assert path.count("M") == 2


def test_thinning_keeps_the_extremes() -> None:
    points = [(float(number), 1.0) for number in range(1000)]
    points[500] = (500.0, 9.0)
    points[700] = (700.0, 0.1)
    found = thinned(points, 50)
    assert len(found) <= 52
    assert {(500.0, 9.0), (700.0, 0.1)} <= set(found)
    assert found == sorted(found)
    assert thinned(points[:50], 50) == points[:50]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 0.9, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (0, 4712, ["0", "2,000", "4,000", "6,000"]),
        (-3, 5, ["-4", "-2", "0", "2", "4", "6"]),
        (0, 0, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, labels: list[str]) -> None:
    assert tick_labels(ticks(low, high)) == labels


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1e308), (-1e308, 1e308), (0, math.inf), (0, 5e-324), (5e-324, 5e-324), (1e15, 1e15 + 1)]
)
def test_axes_of_extreme_values_have_an_end(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) < 20
    assert tick_labels(found)
