"""Paths that users give."""

from __future__ import annotations

from pathlib import Path

from benchmarks.compare.errors import SideError
from benchmarks.harness.results.redaction import redact


def full_path(text: str, source: str) -> Path:
    """The same path in any folder, `~` and `~user` included.

    Raises:
        SideError: if there is no such home directory; it begins with `source`.
    """
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise SideError(f"{source}{redact(text)}: there is no such home directory") from None
