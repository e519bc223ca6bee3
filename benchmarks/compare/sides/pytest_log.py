"""Why a run of pytest has no result, from what it printed: one line."""

from __future__ import annotations

import re

from benchmarks.harness.protocol.text import ESCAPE_SEQUENCE, printable_line
from benchmarks.harness.results.redaction import redact

CAUSES = (
    re.compile(r"^(?:\S+ )?Fatal Python error: (?P<cause>.+)"),  # of faulthandler, behind the name of the test file
    re.compile(r"^[\w .-]+: error: (?P<cause>.+)"),  # of argparse: an option that this suite does not know
    re.compile(r"^ERROR: (?!usage: |not found: |found no collectors)(?P<cause>.+)"),  # pytest.UsageError
    re.compile(r"^E   +(?P<cause>\w[\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)"),  # an exception
    re.compile(r"^E   +(?P<cause>\S.*)"),
    re.compile(r"^(?:FAILED|ERROR) \S+ - (?P<cause>.+)"),
    re.compile(r"^SKIPPED \[\d+\] (?:\S+: )?(?P<cause>.+)"),
    re.compile(r"^!+ (?P<cause>[^!]+) !+$"),  # "Interrupted: 1 error during collection"
    re.compile(r"^ERROR: (?!usage: )(?P<cause>.+)"),
    re.compile(r"^(?P<cause>[\w.]*(?:Error|Exception)\b: .+)"),
)
"""The first of these that matches a line decides, by its last match."""
SKIPPED = re.compile(r"^SKIPPED \[", re.MULTILINE)


def reason_in(text: str) -> str | None:
    """The line that names the cause, else the last one; None if there is none. Without private data."""
    lines = [line.rstrip() for line in ESCAPE_SEQUENCE.sub("", text).splitlines() if line.strip()]
    for pattern in CAUSES:
        matches = [match for line in lines if (match := pattern.match(line)) is not None]
        if matches:
            return _shown(matches[-1]["cause"])
    return _shown(lines[-1].strip("= ")) if lines else None


def is_skipped(text: str) -> bool:
    """Whether pytest listed a test as skipped."""
    return SKIPPED.search(ESCAPE_SEQUENCE.sub("", text)) is not None


def _shown(text: str) -> str | None:
    return printable_line(redact(text)) or None
