"""Numbers as a page shows them: as text with few digits, and as cells that sort by the number."""

from __future__ import annotations

import math

from benchmarks.harness.report.page.sections import Cell, Tone

MISSING = Cell("-", tone="muted")


def shown(value: float, unit: str = "") -> str:
    """Four digits that matter, with thousands separated: "1,234", "12.35", "0.001235"; and the unit after a blank. An
    integer is shown as it is.
    """
    return f"{_digits(value)} {unit}".rstrip()


def _digits(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 1e9:
        return f"{value:.3e}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 0.1 or value == 0:
        return f"{value:.{1 if size >= 100 else 2 if size >= 10 else 3}f}"
    return f"{value:.4g}"


def count(value: float) -> str:
    """A mean number of things in a step: whole numbers have no digits behind the point."""
    return shown(int(value) if float(value).is_integer() else value)


def flops(teraflops: float) -> str:
    """A rate of arithmetic in a unit that suits it: "118.0 GFLOP/s"."""
    prefix, factor = prefixed(teraflops)
    return shown(teraflops * factor, f"{prefix}FLOP/s")


def bandwidth(terabytes: float) -> str:
    """The same of a rate of bytes: "12.30 GB/s"."""
    prefix, factor = prefixed(terabytes)
    return shown(terabytes * factor, f"{prefix}B/s")


def prefixed(tera: float) -> tuple[str, float]:
    """The prefix with which a rate of so many tera- is at least 1, and the factor that it needs."""
    return next((each for each in (("T", 1.0), ("G", 1e3)) if tera * each[1] >= 1), ("M", 1e6))


def unit_of(unit: str) -> str:
    """The UNIT of an artifact, whose spelling is part of its format, as the page spells it."""
    return {"samples/sec": "samples/s"}.get(unit, unit)


def percent(fraction: float) -> str:
    """A fraction in per cent: "12.3 %"."""
    return f"{100 * fraction:.1f} %"


def milliseconds(seconds: float) -> str:
    """With the unit: "693.1 ms"."""
    return shown(1000 * seconds, "ms")


def mebibytes(size: float) -> str:
    """With the unit: "2,345 MiB"."""
    return shown(size / 2**20, "MiB")


def amount(value: float | None, text: str | None = None, tone: Tone = "") -> Cell:
    """A cell of a number, whose heading has the unit; `text` if it is not shown with four digits."""
    if value is None or not math.isfinite(value):
        return MISSING
    return Cell(_digits(value) if text is None else text, value, tone)


def share(fraction: float | None, tone: Tone = "") -> Cell:
    """A cell of a fraction, in per cent."""
    return MISSING if fraction is None else amount(fraction, percent(fraction), tone)
