"""Parsers of option values. Each raises ValueError with what was expected: "a number of seconds above 0"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.protocol.endpoint import split_endpoint


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Both bounds are included."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

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
    """A positive, finite number."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("a number of seconds above 0")
    return value


def data_folder(text: str) -> Path | None:
    """None for "synthetic"."""
    if text == "synthetic":
        return None
    if not text or not Path(text).is_dir():
        raise ValueError("an existing folder of annotated images, or synthetic")
    return Path(text).resolve()


def output_folder(text: str) -> Path:
    """A folder that exists or can be made."""
    if not text or (Path(text).exists() and not Path(text).is_dir()):
        raise ValueError("a folder, or a path where one can be made")
    return Path(text).resolve()


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
