"""What the tests of the log analyser share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Analyse = Callable[..., "tuple[int, dict[str, Any]]"]
"""`analyse(log, *options)`: exit code and JSON of `python -m benchmarks.analysis_log`."""


def lines(values: Sequence[float | str], form: str = "step: 1 ips: {} samples/sec") -> str:
    return "".join(form.format(value) + "\n" for value in values)


def failure_kind(document: dict[str, Any]) -> str:
    kind: str = document["details"]["failure"]["kind"]
    return kind
