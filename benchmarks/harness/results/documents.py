"""Reads documents of any revision: fields may be missing, new, or of another type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]
"""A decoded JSON object: the ten fields, then `details`."""


def at(document: object, path: str) -> Any:
    """The value at a path such as "details.environment.torch"; None if there is none."""
    value = document
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def has(document: object, path: str) -> bool:
    """Whether there is a value at a path, be it null."""
    parent, _, name = path.rpartition(".")
    holder = at(document, parent) if parent else document
    return isinstance(holder, Mapping) and name in holder


def number(document: object, path: str) -> float | None:
    """A finite number at a path."""
    value = at(document, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def positive(document: object, path: str) -> float | None:
    """A finite number above 0 at a path."""
    value = number(document, path)
    return value if value is not None and value > 0 else None


def text(document: object, path: str) -> str | None:
    """Text at a path that is not empty."""
    value = at(document, path)
    return value if isinstance(value, str) and value else None
