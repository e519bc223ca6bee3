"""A side of a comparison as it may be shown: in headers, documents and names of files."""

from __future__ import annotations

from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.redaction import redact

SECRET = "<secret>"
"""By which the redaction replaces one."""


def shown_side(text: str) -> str:
    """The text of a side in one line, without private data."""
    kind, _, value = text.partition(":")
    name, _, value = value.partition("=")
    return f"environ:{shown_variable(name, value)}" if kind == "environ" else printable_line(redact(text)) or "(empty)"


def shown_variable(name: str, value: str) -> str:
    """NAME=VALUE in one line, without private data. Of a secret nothing is left, also if it has blanks."""
    line = printable_line(redact(f"{name}={value}"))
    return f"{name}={SECRET}" if SECRET in line else line
