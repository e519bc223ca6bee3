"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT_SECONDS = 60.0


def until(condition: Callable[[], bool], limit_seconds: float = LIMIT_SECONDS) -> None:
    """Return as soon as a condition holds; fail if it does not within the limit."""
    deadline = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
