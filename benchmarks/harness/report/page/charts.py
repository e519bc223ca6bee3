"""Charts as inline SVG: lines, bars, parts of a whole, distributions (docs/decisions/0013-own-svg-charts.md).

A chart is drawn for a width of 380 pixels, so that its text can be read on a phone, and placed beside others on a wide
screen. Colours are classes of page.css. Values that are not finite are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.report.page.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Line,
    Point,
    drawing,
    grid,
    is_finite,
    line_of,
    mark,
    shade,
    x_axis,
)
from benchmarks.harness.report.page.quantities import amount, shown
from benchmarks.harness.report.page.scales import Scale, ticks
from benchmarks.harness.report.page.sections import Cell, Chart, Table
from benchmarks.harness.report.page.svg import element, position

SERIES = 8
"""Classes of series in page.css: s0 to s7."""


@dataclass(frozen=True)
class Bar:
    """A bar with its value as text, which has the unit. The one that the chart is about is emphasised."""

    label: str
    value: float
    text: str
    emphasised: bool = False


@dataclass(frozen=True)
class Part:
    """A part of a whole."""

    label: str
    value: float
    text: str


def lines(
    title: str,
    description: str,
    series: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    table: Table | None = None,
    shaded: tuple[float, float, str] | None = None,
    level: tuple[float, str] | None = None,
    highest: float | None = None,
) -> Chart:
    """Lines over a common axis, which begins at 0 unless a value is negative.

    `table` has the figures, by default all points; `shaded` is from, to and name of a range of the horizontal axis,
    `level` a horizontal line and its name, `highest` the end of the vertical axis.
    """
    x_values = [x for line in series for x, _ in line.points] or [0.0]
    y_values = [y for line in series for _, y in line.points if is_finite(y)]
    y_ticks = ticks(min(0.0, *y_values, 0.0), highest or max([*y_values, level[0] if level else 0.0, 1e-12]))
    x_ticks = [value for value in ticks(min(x_values), max(x_values)) if min(x_values) <= value <= max(x_values)]
    x = Scale(min(x_values), max(x_values) if max(x_values) > min(x_values) else min(x_values) + 1, LEFT, WIDTH - RIGHT)
    y = Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [] if shaded is None else [shade(shaded, x)]
    parts += [*grid(y_ticks, y), *x_axis(x_ticks, x, x_label, y_label)]
    for number, line in enumerate(series):
        parts += line_of(line, f"s{number % SERIES}", x, y)
    if level is not None:
        parts.append(element("path", class_="level", d=f"M{LEFT} {position(y(level[0]))}H{WIDTH - RIGHT}"))
    legend = tuple((f"s{number % SERIES}", line.name) for number, line in enumerate(series))
    legend = legend if len(legend) > 1 or level or shaded else ()
    legend += () if level is None else (("level", level[1]),)
    legend += () if shaded is None else (("shade", shaded[2]),)
    return Chart(
        title, description, drawing(title, description, HEIGHT, parts), table or _points(series, x_label), legend
    )


def bars(title: str, description: str, values: Sequence[Bar], unit: str) -> Chart:
    """Horizontal bars from 0, one below the other."""
    room, step, label_height = 96, 34, 13
    x = Scale(0.0, max([each.value for each in values if is_finite(each.value)] + [1e-12]), 0, WIDTH - room)
    parts = []
    for number, each in enumerate(values):
        top = number * step
        width = x(each.value) if is_finite(each.value) else 0.0
        kind = "s0" if each.emphasised else "s3"
        parts += [
            element("text", each.label, class_="label", x=0, y=top + 10),
            element("rect", class_=f"bar {kind}", x=0, y=top + label_height + 1, width=max(1.0, width), height=12),
            element("text", each.text, class_="value", x=max(1.0, width) + 6, y=top + label_height + 11),
        ]
    rows = [(each.label, amount(each.value, each.text)) for each in values]
    table = Table(title, ("", unit), rows)
    return Chart(title, description, drawing(title, description, len(values) * step or step, parts), table)


def stacked(title: str, description: str, rows: Sequence[tuple[str, Sequence[Part]]], unit: str) -> Chart:
    """Parts of a whole as one bar, or as several under one another with the same parts and the same scale.

    `rows` are the name of a bar, empty if there is one only, and its parts from the left.
    """
    totals = [sum(_size(part) for part in parts) for _, parts in rows]
    x, drawn = Scale(0.0, max([*totals, 1e-12]), 0, WIDTH), []
    order = list(dict.fromkeys(part.label for _, parts in rows for part in parts))
    for number, (name, parts) in enumerate(rows):
        top, done = number * 40, 0.0
        drawn += [element("text", name, class_="label", x=0, y=top + 10)] if name else []
        for part in parts:
            start, end = x(done), x(done + _size(part))
            done += _size(part)
            kind = f"bar s{order.index(part.label) % SERIES}"
            drawn.append(element("rect", class_=kind, x=start, y=top + 14, width=max(0.0, end - start - 1), height=18))
    first = {part.label: part.text for part in reversed([part for _, parts in rows for part in parts])}
    legend = tuple(
        (f"s{number % SERIES}", f"{label}: {first[label]}" if len(rows) == 1 else label)
        for number, label in enumerate(order)
    )
    cells: list[list[Cell | str]] = [
        [name, part.label, amount(part.value, part.text)] for name, parts in rows for part in parts
    ]
    cells = cells if len(rows) > 1 else [row[1:] for row in cells]
    table = Table(title, ("", "part", unit) if len(rows) > 1 else ("part", unit), cells)
    return Chart(title, description, drawing(title, description, len(rows) * 40, drawn), table, legend)


def distribution(
    title: str, description: str, values: Sequence[float], marks: Sequence[tuple[float, str]], x_label: str
) -> Chart:
    """How often values occur: bars over equal ranges, with vertical marks such as a median."""
    found = [value for value in values if is_finite(value)] or [0.0]
    ends = [*found, *(value for value, _ in marks if is_finite(value))]
    x_ticks = ticks(min(ends), max(ends), 4)
    x = Scale(x_ticks[0], x_ticks[-1], LEFT, WIDTH - RIGHT)
    counts = _counts(found, x_ticks, bins=max(8, min(30, 2 * math.isqrt(len(found)))))
    y_ticks = [value for value in ticks(0, max(counts)) if value == int(value)]
    y = Scale(0, max(y_ticks[-1], max(counts)), HEIGHT - BOTTOM, TOP + 12)
    width = (WIDTH - RIGHT - LEFT) / len(counts)
    parts = [*grid(y_ticks, y), *x_axis(x_ticks, x, x_label, "number of steps")]
    for number, count in enumerate(counts):
        if count:
            top = y(count)
            start = LEFT + number * width
            parts.append(
                element(
                    "rect", class_="bar s0", x=start, y=top, width=max(1.0, width - 1), height=HEIGHT - BOTTOM - top
                )
            )
    for value, name in marks:
        parts += mark(name, x(value))
    size = (x_ticks[-1] - x_ticks[0]) / len(counts)
    rows = [
        (f"{shown(x_ticks[0] + number * size)} to {shown(x_ticks[0] + (number + 1) * size)}", amount(count, str(count)))
        for number, count in enumerate(counts)
        if count
    ]
    return Chart(
        title, description, drawing(title, description, HEIGHT, parts), Table(title, (x_label, "number"), rows)
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` points that show the same extremes: the lowest and the highest of each range of points."""
    if len(points) <= most:
        return list(points)
    size, kept = -(-2 * len(points) // most), []
    for start in range(0, len(points), size):
        group = [point for point in points[start : start + size] if is_finite(point[1])]
        if group:
            ends = {min(group, key=lambda point: point[1] or 0.0), max(group, key=lambda point: point[1] or 0.0)}
            kept += sorted(ends)
    return kept


def _size(part: Part) -> float:
    return max(0.0, part.value) if is_finite(part.value) else 0.0


def _counts(values: Sequence[float], x_ticks: Sequence[float], bins: int) -> list[int]:
    low, high = x_ticks[0], x_ticks[-1]
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int((value - low) / (high - low) * bins)))] += 1
    return counts


def _points(series: Sequence[Line], x_label: str) -> Table:
    """All points: a row for each position."""
    found: dict[float, dict[int, float | None]] = {}
    for number, line in enumerate(series):
        for x, y in line.points:
            found.setdefault(x, {})[number] = y
    rows: list[list[Cell]] = [
        [amount(x), *(amount(values.get(number)) for number in range(len(series)))]
        for x, values in sorted(found.items())
    ]
    return Table("", (x_label, *(line.name for line in series)), rows)
