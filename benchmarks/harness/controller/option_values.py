"""Parsers of option values. Each raises ValueError with what was expected: "a number of seconds above 0"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.protocol.endpoint import split_endpoint

MAX_SECONDS = 10**6  # 11 days; timers of the system count milliseconds in 31 bits
MAX_PATH_CHARACTERS = 4095  # of Linux
MAX_SHOWN_CHARACTERS = 200


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Both bounds are included."""

    def parse(text: str) -> int:
        digits = text.lstrip("0") or "0"  # their number is checked first: Python converts at most 4300
        if not (text.isascii() and text.isdigit() and len(digits) <= len(str(most)) and least <= int(digits) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return int(digits)

    return parse


def or_auto(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """None for "auto"; else what `parse` returns."""

    def parse_or_auto(text: str) -> Any:
        try:
            return None if text == "auto" else parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, or auto") from None

    return parse_or_auto


def seconds(text: str) -> float:
    """A positive number that the timers of the system accept."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("a number of seconds above 0")
    if value > MAX_SECONDS:
        raise ValueError(f"a number of seconds up to {MAX_SECONDS}")
    return value


def data_folder(text: str) -> Path | None:
    """None for "synthetic"."""
    if text == "synthetic":
        return None
    if not _is_path(text) or not Path(text).is_dir():
        raise ValueError("an existing folder of annotated images, or synthetic")
    return Path(text).resolve()


def output_folder(text: str) -> Path:
    """A folder that exists or can be made."""
    if not _is_path(text) or (Path(text).exists() and not Path(text).is_dir()):
        raise ValueError("a folder, or a path where one can be made")
    return Path(text).resolve()


def _is_path(text: str) -> bool:
    """Whether the text can name a folder, and can be written into JSON: it has no NUL, and is valid UTF-8."""
    try:
        return bool(text.encode()) and "\0" not in text and len(text) <= MAX_PATH_CHARACTERS
    except UnicodeEncodeError:
        return False


def endpoint(text: str) -> str:
    """The text itself, if it is HOST:PORT."""
    try:
        split_endpoint(text)
    except ValueError:
        raise ValueError("HOST:PORT") from None
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    """The text itself, if it is one of the choices."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(" or ".join(choices))
        return text

    return parse


def yes_or_no(text: str) -> bool:
    """True for "yes"."""
    return one_of("no", "yes")(text) == "yes"


def quoted(text: str) -> str:
    """A value in a message, its beginning if it is very long."""
    if len(text) <= MAX_SHOWN_CHARACTERS:
        return repr(text)
    return f"{text[:MAX_SHOWN_CHARACTERS]!r}... ({len(text)} characters)"
