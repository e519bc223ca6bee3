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
    boxes,
    drawing,
    grid,
    is_finite,
    line_of,
    mark,
    shade,
    x_axis,
)
from benchmarks.harness.report.page.quantities import amount, count
from benchmarks.harness.report.page.scales import Scale, ticks
from benchmarks.harness.report.page.sections import Cell, Chart, Table
from benchmarks.harness.report.page.svg import element, position

SERIES = 8
"""Classes of series in page.css: s0 to s7."""

LONGER = 4.0
"""A bar so many times as long as the second longest is drawn with a gap."""


LABEL = 30.0
"""Width of the label of a mark."""


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
    marks: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Lines over a common axis, which begins at 0 unless a value is negative.

    `table` has the figures, by default all points; `shaded` is from, to and name of a range of the horizontal axis,
    `level` a horizontal line and its name, `highest` the end of the vertical axis, `marks` vertical lines: where, and
    the name, which may be empty.
    """
    x_values = [x for line in series for x, _ in line.points] or [0.0]
    y_values = [y for line in series for _, y in line.points if is_finite(y)]
    y_ticks = ticks(min(0.0, *y_values, 0.0), highest or max([*y_values, level[0] if level else 0.0, 1e-12]))
    x_ticks = [value for value in ticks(min(x_values), max(x_values)) if min(x_values) <= value <= max(x_values)]
    if all(value == int(value) for value in x_values):
        x_ticks = [value for value in x_ticks if value == int(value)]
    x = Scale(min(x_values), max(x_values) if max(x_values) > min(x_values) else min(x_values) + 1, LEFT, WIDTH - RIGHT)
    y = Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [] if shaded is None else [shade(shaded, x)]
    parts += [*grid(y_ticks, y), *x_axis(x_ticks, x, x_label, y_label)]
    for at, name in marks:
        parts += mark(name, x(at))
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


def bars(title: str, description: str, values: Sequence[Bar], unit: str, *, to_scale: bool = False) -> Chart:
    """Horizontal bars from 0, one below the other. One that is much longer than all others is drawn shorter, with a
    gap, unless they are parts of a whole and have `to_scale`.
    """
    room, step, label_height = 96, 34, 13
    finite = [each.value for each in values if is_finite(each.value)]
    longest = max([*finite, 1e-12]) if to_scale else _longest(finite)
    x, labels, texts, gaps = Scale(0.0, longest, 0, WIDTH - room), [], [], []
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for number, each in enumerate(values):
        top = number * step + label_height + 1
        width = max(1.0, x(each.value)) if is_finite(each.value) else 0.0
        found.setdefault("s0" if each.emphasised else "s3", []).append((0, top, width, 12))
        labels.append(element("text", each.label, y=top - 4))
        texts.append(element("text", each.text, x=width + 6, y=top + 10))
        if is_finite(each.value) and each.value > longest:
            gaps.append(element("path", class_="gap", d=f"M{position(width - 26)} {top + 14}l6 -16"))
    drawn = [boxes(kind, each) for kind, each in found.items()]
    drawn += [element("g", *labels, class_="label"), element("g", *texts, class_="value"), *gaps]
    listed = "; ".join(f"{each.label} {each.text}" for each in values)
    description = f"{description} In {unit}: {listed}."
    legend = (("cut", "a bar with a gap is longer than drawn"),) if gaps else ()
    image = drawing(title, description, len(values) * step or step, drawn)
    return Chart(f"{title} ({unit})", description, image, None, legend)


def stacked(title: str, description: str, rows: Sequence[tuple[str, Sequence[Part]]], unit: str) -> Chart:
    """Parts of a whole as one bar, or as several under one another with the same parts and the same scale.

    `rows` are the name of a bar, empty if there is one only, and its parts from the left.
    """
    totals = [sum(_size(part) for part in parts) for _, parts in rows]
    x, drawn = Scale(0.0, max([*totals, 1e-12]), 0, WIDTH), []
    order = list(dict.fromkeys(part.label for _, parts in rows for part in parts))
    for number, (name, parts) in enumerate(rows):
        top, done = number * 40, 0.0
        drawn += [element("text", name, class_="label", y=top + 10)] if name else []
        for part in parts:
            start, end = x(done), x(done + _size(part))
            done += _size(part)
            kind = f"s{order.index(part.label) % SERIES}"
            drawn.append(boxes(kind, [(start, top + 14, max(0.5, end - start - 1), 18)]))
    first = {part.label: part.text for part in reversed([part for _, parts in rows for part in parts])}
    legend = tuple(
        (f"s{number % SERIES}", f"{label}: {first[label]}" if len(rows) == 1 else label)
        for number, label in enumerate(order)
    )
    cells = [(name, part.label, amount(part.value, part.text)) for name, parts in rows for part in parts]
    table = Table(title, ("", "part", unit), cells) if len(rows) > 1 else None
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
    y = Scale(0, max(y_ticks[-1], max(counts)), HEIGHT - BOTTOM, TOP)
    width = (WIDTH - RIGHT - LEFT) / len(counts)
    parts = [*grid(y_ticks, y), *x_axis(x_ticks, x, x_label, "number of steps")]
    heights = [(number, y(count)) for number, count in enumerate(counts) if count]
    found_boxes = [(LEFT + number * width, top, max(1.0, width - 1), HEIGHT - BOTTOM - top) for number, top in heights]
    parts.append(boxes("s0", found_boxes))
    for value, name in _labelled([(x(value), name) for value, name in marks]):
        parts += mark(name, value)
    figures = [("lowest", min(found)), *((name, value) for value, name in marks), ("highest", max(found))]
    table = Table(title, [name for name, _ in figures], [[amount(value) for _, value in figures]])
    return Chart(title, description, drawing(title, description, HEIGHT, parts), table)


def _labelled(marks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Marks whose labels would overlap share one, at the first of them."""
    found: list[tuple[float, str]] = []
    last = -LABEL
    for at, name in sorted(marks):
        if at - last < LABEL:
            index = max(number for number, (_, label) in enumerate(found) if label)
            found[index] = found[index][0], f"{found[index][1]}, {name}"
            found.append((at, ""))
        else:
            found.append((at, name))
            last = at
    return found


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


def _longest(values: Sequence[float]) -> float:
    """The value at the end of the axis: the largest, unless the others could not be distinguished beside it."""
    second, largest = ([0.0, 0.0, *sorted(values)])[-2:]
    return 2 * second if second > 0 and largest > LONGER * second else max(largest, 1e-12)


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
        [amount(x, count(x)), *(amount(values.get(number)) for number in range(len(series)))]
        for x, values in sorted(found.items())
    ]
    return Table("", (x_label, *(line.name for line in series)), rows)
