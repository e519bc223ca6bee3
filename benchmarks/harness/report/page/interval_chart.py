"""A chart of intervals: estimates, each with the range in which the true value is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.harness.report.page.drawing import WIDTH, drawing
from benchmarks.harness.report.page.scales import Scale, tick_labels, ticks
from benchmarks.harness.report.page.sections import Chart
from benchmarks.harness.report.page.svg import element, position

if TYPE_CHECKING:
    from markupsafe import Markup

ROW, AXIS = 44, 34
LINE, BAR = 16, 20
"""Of a row: the text, and below it the bar with the band behind it."""

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
    bottom = ROW * len(rows)
    tops = [ROW * number for number in range(len(rows))]
    parts = [*_band(band, x, tops), *_axis(found, x, tops, x_label)]
    parts.append(element("path", class_="level", d=_vertical([x(level[0])], tops)))
    for row, top in zip(rows, tops, strict=True):
        parts += _row(row, x, top)
    listed = "; ".join(f"{row.label} {row.text}" for row in rows)
    description = f"{description} {listed}."
    legend = (("shade", band[2]), ("level", level[1]))
    return Chart(title, description, drawing(title, description, bottom + AXIS, parts), None, legend)


def _band(band: tuple[float, float, str], x: Scale, tops: Sequence[float]) -> list[Markup]:
    start, end = x(band[0]), x(band[1])
    return [element("rect", class_="shade", x=start, y=top + LINE, width=end - start, height=BAR) for top in tops]


def _vertical(found: Sequence[float], tops: Sequence[float]) -> str:
    """Lines beside the bars, and not through the texts above them."""
    return "".join(f"M{position(at)} {position(top + LINE)}v{BAR}" for at in found for top in tops)


def _axis(values: Sequence[float], x: Scale, tops: Sequence[float], x_label: str) -> list[Markup]:
    texts = [
        element("text", label, x=round(x(value))) for value, label in zip(values, tick_labels(values), strict=True)
    ]
    bottom = tops[-1] + ROW if tops else 0
    return [
        element("path", class_="grid", d=_vertical([x(value) for value in values], tops)),
        element("g", *texts, class_="middle", transform=f"translate(0 {position(bottom + 14)})"),
        element("text", x_label, class_="end", x=WIDTH, y=bottom + 30),
    ]


def _row(row: Interval, x: Scale, top: float) -> list[Markup]:
    kind = "s0" if row.emphasised else "s3"
    middle = top + LINE + BAR / 2
    at = position(middle)
    ends = "".join(f"M{position(x(end))} {position(middle - 5)}v10" for end in (row.low, row.high))
    return [
        element("text", row.label, class_="label", x=0, y=top + 10),
        element("text", row.text, class_="value end", x=WIDTH, y=top + 10),
        element("path", class_=f"line {kind}", d=f"M{position(x(row.low))} {at}H{position(x(row.high))}{ends}"),
        element("circle", class_=f"dot {kind}", cx=x(row.middle), cy=middle, r=4),
    ]
