"""A chart of intervals: estimates, each with the range in which the true value is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.harness.report.page.drawing import TOP, WIDTH, drawing
from benchmarks.harness.report.page.scales import Scale, tick_labels, ticks
from benchmarks.harness.report.page.sections import Chart
from benchmarks.harness.report.page.svg import element, position

if TYPE_CHECKING:
    from markupsafe import Markup

ROW, AXIS = 36, 34
SIDE = 14
"""Room at both ends, so that the labels of the axis are whole."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, and both as text.

    Attributes:
        emphasised: drawn in the colour of what a chart is about.
    """

    label: str
    low: float
    middle: float
    high: float
    text: str
    emphasised: bool = True


def intervals(
    title: str,
    description: str,
    rows: Sequence[Interval],
    *,
    x_label: str,
    band: tuple[float, float, str],
    level: tuple[float, str],
    limits: tuple[float, float],
) -> Chart:
    """A bar from `low` to `high` for each row, with a dot at `middle`, over one axis.

    `band` is from, to and name of a range that is shaded, `level` a value that is marked, and its name. What is
    outside of `limits` is drawn at the end of the axis: one row without a useful interval leaves the others readable.
    """
    values = [band[0], band[1], level[0], *(end for row in rows for end in (row.low, row.high))]
    found = ticks(max(min(values), limits[0]), min(max(values), limits[1]))
    x = Scale(found[0], found[-1], SIDE, WIDTH - SIDE)
    bottom = TOP / 2 + ROW * len(rows)
    parts = [_band(band, x, bottom), *_axis(found, x, bottom, x_label)]
    parts.append(element("path", class_="level", d=f"M{position(x(level[0]))} 0V{position(bottom)}"))
    for number, row in enumerate(rows):
        parts += _row(row, x, TOP / 2 + ROW * number)
    listed = "; ".join(f"{row.label} {row.text}" for row in rows)
    description = f"{description} {listed}."
    legend = (("shade", band[2]), ("level", level[1]))
    return Chart(title, description, drawing(title, description, bottom + AXIS, parts), None, legend)


def _band(band: tuple[float, float, str], x: Scale, bottom: float) -> Markup:
    return element("rect", class_="shade", x=x(band[0]), y=0, width=x(band[1]) - x(band[0]), height=bottom)


def _axis(values: Sequence[float], x: Scale, bottom: float, x_label: str) -> list[Markup]:
    rules = "".join(f"M{position(x(value))} 0V{position(bottom)}" for value in values)
    texts = [
        element("text", label, x=round(x(value))) for value, label in zip(values, tick_labels(values), strict=True)
    ]
    return [
        element("path", class_="grid", d=rules),
        element("g", *texts, class_="middle", transform=f"translate(0 {position(bottom + 14)})"),
        element("text", x_label, class_="end", x=WIDTH, y=bottom + 30),
    ]


def _row(row: Interval, x: Scale, top: float) -> list[Markup]:
    kind = "s0" if row.emphasised else "s1"
    at = position(top + 22)
    ends = "".join(f"M{position(x(end))} {position(top + 17)}v10" for end in (row.low, row.high))
    return [
        element("text", row.label, class_="label", x=0, y=top + 10),
        element("text", row.text, class_="value end", x=WIDTH, y=top + 10),
        element("path", class_=f"line {kind}", d=f"M{position(x(row.low))} {at}H{position(x(row.high))}{ends}"),
        element("circle", class_=f"dot {kind}", cx=x(row.middle), cy=top + 22, r=4),
    ]
