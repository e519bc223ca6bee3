"""Figures and names as the command prints them, the same in tables, Markdown and progress."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.compare.document import CaseComparison, Measure, ProcedureParameters, RatioInterval
from benchmarks.compare.judging.percentages import MOST, digits_of, percent

MEASURES: dict[Measure, str] = {"wall": "samples per second (wall clock)", "cpu": "samples per CPU second"}


def change(ratio: float, digits: int = 1) -> str:
    """Of a ratio head / base: 0.949 -> "-5.1 %"."""
    return f"{_signed(ratio, digits)} %"


def interval(found: RatioInterval | None) -> str:
    """Change and the ends of its interval: "-5.1 % (-7.2 to -2.9)"."""
    if found is None:
        return "-"
    digits = digits_of(found.low, found.high)
    return f"{change(found.ratio, digits)} ({_signed(found.low, digits)} to {_signed(found.high, digits)})"


def _signed(ratio: float, digits: int) -> str:
    if ratio > MOST:
        return f"more than +{100 * (MOST - 1):.0f}"
    text = f"{100 * (ratio - 1):+.{digits}f}"
    return text if float(text) else text[1:]


def rate(samples_per_second: float | None) -> str:
    """A throughput, without its unit."""
    return "-" if samples_per_second is None else f"{samples_per_second:.3f}"


def duration(seconds: float) -> str:
    """In the unit that fits: "45 s", "2 min 05 s", "12 min", "1 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600 and whole % 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def listed(words: Sequence[object]) -> str:
    """5, 8 and 12."""
    texts = list(map(str, words))
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def counted(number: int, noun: str) -> str:
    """1 pair, 2 pairs."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def case_title(case: CaseComparison) -> str:
    """The case, or both if the sides have different ones."""
    return both(case.base_case, case.head_case)


def both(base: str, head: str) -> str:
    """What the sides have in common, or the step from one to the other."""
    return base if base == head else f"{base} -> {head}"


def verdict_word(case: CaseComparison, procedure: ProcedureParameters) -> str:
    """The verdict, complete with what was asked."""
    word, allowed = case.verdict.word, percent(procedure.allowed_slowdown)
    text: str = word
    if word == "no slower":
        text = f"no slower than {allowed}"
    elif word == "slower" and not _beyond(case, procedure):
        text = f"slower, perhaps within {allowed}"
    return text if case.finished else f"{text}, unfinished"


def _beyond(case: CaseComparison, procedure: ProcedureParameters) -> bool:
    """Whether what the verdict rests on is slower than what is allowed for certain."""
    found = [{"wall": case.verdict.wall, "cpu": case.verdict.cpu}[name] for name in case.verdict.rests_on]
    return any(each is not None and each.high < 1 - procedure.allowed_slowdown for each in found)
