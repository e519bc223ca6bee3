"""What a rule is: the form of a private text, and what is kept before it."""

from __future__ import annotations

import re
from dataclasses import dataclass

START, END = r"(?<![^\W_])", r"(?![^\W_])"
"""Edges of a word: no letter or digit beyond. `_`, `-` and `.` end a word."""

GAP = r"[ \t]{0,20}"
"""Blanks around a sign. Bounded, as every repetition that another one follows: a pattern must take linear time."""

SEPARATOR = rf"(?:\\*[\"'])?{GAP}[:=]{GAP}(?:\\*[\"'])?"
"""Between a key and its value: `=`, `: `, `": "`, also in JSON within JSON."""


@dataclass(frozen=True)
class Rule:
    """Text that matches `before` + `pattern`; the pattern is replaced. No pattern has groups or matches an escape.

    Attributes:
        placeholder: replaces the text; None if the text is to be kept, whatever other rules say.
    """

    placeholder: str | None
    pattern: str
    before: str = ""


@dataclass(frozen=True)
class Family:
    """Rules that are tried only where `trigger` is found: most lines have none, and are done after a few searches.

    Attributes:
        trigger: searched in the case-folded text. Found in every text in which one of the rules can match.
    """

    trigger: re.Pattern[str]
    rules: tuple[Rule, ...]


def family(trigger: str, *rules: Rule) -> Family:
    """Rules and the pattern, lower case, without which none of them can match."""
    return Family(re.compile(trigger), rules)
