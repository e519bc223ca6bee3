"""Errors that users of `ocr_models` meet; importing this module imports no torch."""

from __future__ import annotations

LONGEST_SHOWN = 400
"""Characters of a path or a value in a message; the middle of a longer one is left out."""


class DataError(Exception):
    """Input that cannot be used. The message is one line: what is wrong, where, and what to do."""


def shown(value: object, longest: int = LONGEST_SHOWN) -> str:
    """A path or a value of the user's files for a message: one line, without control characters, not too long."""
    text = str(value)
    if len(text) > longest:
        text = f"{text[: longest // 2]}...{text[-longest // 2 :]}"
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
