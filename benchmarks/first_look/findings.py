"""The figures of a piece: one JSON object per line, written as soon as it is known, so that nothing is lost."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.harness.results.redaction import redact


class Finding(Struct, frozen=True):
    """One figure, or one fact in words."""

    name: str
    value: float | str
    unit: str = ""


class FindingsFile:
    """Appends findings to a file, and prints them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, value: float | str, unit: str = "") -> None:
        if isinstance(value, str) or not math.isfinite(value):  # JSON has no word for the latter
            value = redact(str(value))
        finding = Finding(name, value, unit)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(finding) + b"\n")
        print(f"{name}: {shown(finding)}", flush=True)


def read_findings(path: Path) -> list[Finding]:
    """The findings of a piece, of one that was ended too: a line that it did not finish does not count."""
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else []:
        with contextlib.suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(line, type=Finding))
    return found


def shown(finding: Finding) -> str:
    """Value and unit."""
    value = finding.value if isinstance(finding.value, str) else f"{finding.value:.4g}"
    return f"{value} {finding.unit}".rstrip()
