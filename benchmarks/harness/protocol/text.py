"""Text from anywhere as one line: for messages that go into JSON, tables and terminals."""

from __future__ import annotations

import re

MAX_CHARACTERS = 1000
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
"""Colours and movements of a terminal, and titles of its window."""


def printable_line(text: str) -> str:
    """One line of at most 1000 printable characters.

    Line ends, control characters, surrogates and others that do not print become blanks; runs of blanks become one. A
    longer text ends in "..." after a whole word: half of a name would escape the redaction.
    """
    scanned = text[: 10 * MAX_CHARACTERS]  # bounds the time that a message of megabytes takes
    plain = ESCAPE_SEQUENCE.sub(" ", scanned)  # its end would stick to the next word, which may be a name to redact
    if not plain.isprintable():
        plain = "".join(each if each.isprintable() else " " for each in plain)
    line = " ".join(plain.split())
    if len(line) <= MAX_CHARACTERS and len(scanned) == len(text):
        return line
    kept = line[: MAX_CHARACTERS - len(" ...")]
    return f"{kept.rpartition(' ')[0] or kept} ...".strip()
