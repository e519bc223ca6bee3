"""What a comparison cannot use."""

from __future__ import annotations


class SideError(Exception):
    """A side that cannot be used, or that changed: one line that says what is wrong, where, and what to do."""
