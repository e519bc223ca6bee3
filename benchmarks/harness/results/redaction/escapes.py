r"""Escape sequences in text: colours, links and other invisible characters must not hide a name.

They may precede a name (ESC[31malice, where `m` looks like a letter of the name) and stand inside of it. They may also
be spelled out, as in the repr of a string: "\x1b[31malice", "line one\nalice".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_CSI = r"[0-?]*[ -/]*[@-~]"
ESCAPE = re.compile(
    rf"\x1b(?:\[{_CSI}|[ -/]+[0-~]|[0-~])?|\x9b{_CSI}"
    r"|[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u2060-\u2064\ufeff]"
    r"|\\{1,2}(?:x1b|u001b|033|e)\[[0-9;]*m|\\{1,2}[nrt]"
)
"""An escape sequence, a control character or one without width; a colour or the end of a line, spelled out."""

_MARK = "\x1b"


@dataclass(frozen=True)
class Replacement:
    """Characters `start` to `end` of a text become `text`."""

    start: int
    end: int
    text: str


def through_escapes(text: str, find: Callable[[str], list[Replacement]]) -> str:
    """Replace what `find` finds in the text without its escapes. Those within what is replaced come after it."""
    plain, escapes, at = [], [], 0
    position = 0
    for match in ESCAPE.finditer(text):
        plain.append(text[at : match.start()])
        position += match.start() - at
        escapes.append((position, match[0]))
        at = match.end()
    plain.append(text[at:])
    whole = "".join(plain)
    parts, at, waiting = [], 0, iter([*escapes, (len(whole) + 1, "")])
    next_at, code = next(waiting)
    for each in [*find(whole), Replacement(len(whole), len(whole), "")]:
        while next_at <= each.start:
            parts += [whole[at:next_at], code]
            at = next_at
            next_at, code = next(waiting)
        parts += [whole[at : each.start], each.text]
        while next_at < each.end:
            parts.append(code)
            next_at, code = next(waiting)
        at = each.end
    return "".join(parts)


def between_escapes(text: str, redact: Callable[[str], str]) -> str:
    """Redact with each escape as the edge of a word. If a rule swallowed one, all are left out."""
    escapes = ESCAPE.findall(text)
    parts = redact(ESCAPE.sub(_MARK, text)).split(_MARK)
    if len(parts) != len(escapes) + 1:
        return "".join(parts)
    return "".join(part + escape for part, escape in zip(parts, [*escapes, ""], strict=True))
