"""What the tests of the log analyser share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.analysis_log.conversion import Target
from benchmarks.analysis_log.picker import Picker
from benchmarks.analysis_log.tally import Tally
from benchmarks.analysis_log.units import Unit, parse_unit

RATES, STEP_RATES, STEP_TIMES, EPOCH_TIMES = -1, 1, 2, 4
"""Values of --model_mode."""

Analyse = Callable[..., "tuple[int, dict[str, Any]]"]
"""`analyse(log, *options)`: exit code and JSON of `python -m benchmarks.analysis_log`."""


def lines(values: Sequence[float | str], form: str = "step: 1 ips: {} samples/sec") -> str:
    return "".join(form.format(value) + "\n" for value in values)


def failure_kind(document: dict[str, Any]) -> str:
    kind: str = document["details"]["failure"]["kind"]
    return kind


def read(
    line: str, mode: int, keyword: str, position: int | None = None, record_unit: str | None = None
) -> float | str:
    """The record of a line, per second or in seconds; why it is refused; "no number" if there is none."""
    target = Target(mode, processes=1, global_rates=False)
    stated = parse_unit(record_unit) if record_unit else None
    assert stated is None or isinstance(stated, Unit)
    number = Picker(keyword, None, position, slice(None), target.of_rates, stated).pick(line)
    if number is None:
        return "no number"
    tally = Tally(target, skip=0)
    tally.add(7, number, line)
    return tally.total if tally.problem is None else tally.problem.reason


def assert_refused(found: float | str, text: str) -> None:
    assert isinstance(found, str)
    assert found.startswith("has ")
    assert text in found
    assert "give " in found or "--record_unit" in found or "no --model_mode reads it" in found
