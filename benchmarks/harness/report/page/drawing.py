"""What charts are drawn of: axes, grid lines, marks and lines, as elements of SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from benchmarks.harness.report.page.quantities import shown
from benchmarks.harness.report.page.scales import Scale, tick_labels
from benchmarks.harness.report.page.svg import element, position

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 380, 210
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 22, 34

Point = tuple[float, float | None]
"""Position on the horizontal axis, and the value; None for none."""


@dataclass(frozen=True)
class Line:
    """A series of a line chart.

    Attributes:
        filled: whether the area below it is drawn instead of a line.
        dots: whether its points are marked, for a series of few points.
    """

    name: str
    points: Sequence[Point]
    filled: bool = False
    dots: bool = False


def is_finite(value: float | None) -> TypeGuard[float]:
    """Whether there is a value that can be drawn."""
    return value is not None and math.isfinite(value)


def drawing(title: str, description: str, height: float, parts: Sequence[Markup]) -> Markup:
    """A whole drawing, with its name and description for readers who cannot see it."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        viewBox=f"0 0 {WIDTH} {position(height)}",
        role="img",
    )


def grid(values: Sequence[float], y: Scale) -> list[Markup]:
    """Horizontal lines with their values."""
    rules = "".join(f"M{LEFT} {position(y(value))}H{WIDTH - RIGHT}" for value in values)
    labels = tick_labels(values) if len(values) > 1 else list(map(shown, values))
    texts = [element("text", label, y=y(value) + 4) for value, label in zip(values, labels, strict=True)]
    return [
        element("path", class_="grid", d=rules),
        element("g", *texts, class_="end", transform=f"translate({LEFT - 6})"),
    ]


def x_axis(values: Sequence[float], x: Scale, x_label: str, y_label: str) -> list[Markup]:
    """The values of the horizontal axis, and the names of both axes."""
    labels = tick_labels(values) if len(values) > 1 else list(map(shown, values))
    texts = [element("text", label, x=round(x(value))) for value, label in zip(values, labels, strict=True)]
    return [
        element("g", *texts, class_="middle", transform=f"translate(0 {HEIGHT - BOTTOM + 14})"),
        element("text", x_label, class_="end", x=WIDTH - RIGHT, y=HEIGHT - 4),
        element("text", y_label, x=0, y=9),
    ]


def boxes(kind: str, found: Sequence[tuple[float, float, float, float]]) -> Markup:
    """Rectangles of one class, as one path: x, y, width and height of each."""
    shapes = (
        f"M{position(x)} {position(y)}h{position(width)}v{position(height)}h{position(-width)}z"
        for x, y, width, height in found
    )
    return element("path", class_=f"bar {kind}", d="".join(shapes))


def shade(shaded: tuple[float, float, str], x: Scale) -> Markup:
    """A range of the horizontal axis: from, to, name."""
    start, end, _ = shaded
    return element("rect", class_="shade", x=x(start), y=TOP, width=x(end) - x(start), height=HEIGHT - BOTTOM - TOP)


def line_of(line: Line, kind: str, x: Scale, y: Scale) -> list[Markup]:
    """A series: its area, its line, its dots. A missing value interrupts the line."""
    path, pen_down, ends = [], False, []
    for at, value in line.points:
        if value is None or not math.isfinite(value):
            pen_down = False
            continue
        path.append(f"{'L' if pen_down else 'M'}{x(at):.0f} {position(y(value))}")
        ends.append(x(at))
        pen_down = True
    if not path:
        return []
    found = []
    if line.filled:
        bottom = position(y(max(0.0, y.low)))
        area = f"M{position(ends[0])} {bottom}L{''.join(path)[1:].replace('M', 'L')}V{bottom}Z"
        return [element("path", class_=f"area {kind}", d=area)]
    found.append(element("path", class_=f"line {kind}", d="".join(path)))
    if line.dots or len(path) == 1:
        found += [
            element("circle", class_=f"dot {kind}", cx=x(at), cy=y(value), r=3)
            for at, value in line.points
            if value is not None and math.isfinite(value)
        ]
    return found


def mark(name: str, at: float) -> list[Markup]:
    """A vertical line with its name."""
    anchor = "end" if at > WIDTH * 0.7 else "start"
    return [
        element("path", class_="mark", d=f"M{position(at)} {TOP}V{HEIGHT - BOTTOM}"),
        element("text", name, class_=f"value {anchor}", x=at + (-4 if anchor == "end" else 4), y=TOP - 4),
    ]
