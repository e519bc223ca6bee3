"""Errors that users of `ocr_models` meet; importing this module imports no torch."""

from __future__ import annotations


class DataError(Exception):
    """Input that cannot be used. The message is one line: what is wrong, where, and what to do."""
