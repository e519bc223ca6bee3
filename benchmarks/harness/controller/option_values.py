"""Parsers of option values. Each raises ValueError with what was expected: "a number of seconds above 0"."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.protocol.endpoint import split_endpoint

MAX_SECONDS = 10**6  # 11 days; timers of the system count milliseconds in 31 bits
MAX_PATH_CHARACTERS = 4095  # of Linux
MAX_SHOWN_CHARACTERS = 200
MAX_PAIRS = 200  # of a comparison
MAX_MINUTES = 100_000
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(MiB|GiB)", re.ASCII)
_SIZE_UNITS = {"MiB": 2**20, "GiB": 2**30}
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%", re.ASCII)


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
    return _or_word("auto", parse)


def or_none(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """None for "none"; else what `parse` returns."""
    return _or_word("none", parse)


def _or_word(word: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse_or_word(text: str) -> Any:
        try:
            return None if text == word else parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, or {word}") from None

    return parse_or_word


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


def minutes(text: str) -> float:
    """Of a comparison."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_MINUTES:
        raise ValueError(f"a number of minutes above 0 and up to {MAX_MINUTES}")
    return value


def memory_size(text: str) -> int:
    """Bytes, given as 6GiB, 1.5GiB or 800MiB."""
    match = _SIZE.fullmatch(text)
    value = 0 if match is None else int(float(match[1]) * _SIZE_UNITS[match[2]])
    if not value:
        raise ValueError("a size above 0, for example 6GiB, 1.5GiB or 800MiB")
    return value


def percentage(text: str, expected: str) -> float:
    """A fraction from 0 to below 1, given as 3%; `expected` says what was expected."""
    match = _PERCENT.fullmatch(text)
    value = math.nan if match is None else float(match[1]) / 100
    if not 0 <= value < 1:
        raise ValueError(expected)
    return value


def slowdown(text: str) -> float:
    """What a comparison allows, as a fraction."""
    expected = "a percentage above 0% and below 100%, for example 3% or 2.5%"
    value = percentage(text, expected)
    if value == 0:
        raise ValueError(f"{expected}: no number of pairs can show a difference of 0")
    return value


def side(text: str) -> str:
    """The text itself, a side of a comparison: `benchmarks/compare` checks it further."""
    if not text:
        raise ValueError("a side, for example rev:main")
    return text


def _existing_folder(content: str) -> Callable[[str], Path | None]:
    """None for "synthetic"."""

    def parse(text: str) -> Path | None:
        if text == "synthetic":
            return None
        if not _is_path(text) or not Path(text).is_dir():
            raise ValueError(f"an existing folder of {content}, or synthetic")
        return Path(text).resolve()

    return parse


pages_folder = _existing_folder("annotated images")
words_folder = _existing_folder("word images")


def output_folder(text: str) -> Path:
    """A folder that exists or can be made."""
    if not _is_path(text) or (Path(text).exists() and not Path(text).is_dir()):
        raise ValueError("a folder, or a path where one can be made")
    return Path(text).resolve()


def _shared_file(text: str) -> Path:
    if not _is_path(text) or (Path(text).exists() and not Path(text).is_file()):
        raise ValueError("a file, or a path where one can be made")
    return Path(text).resolve()


history_file = or_none(_shared_file)


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
