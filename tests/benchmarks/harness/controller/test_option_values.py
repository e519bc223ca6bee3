"""Values of options: what is accepted, and what a message says was expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.controller.option_values import (
    endpoint,
    history_file,
    memory_size,
    minutes,
    one_of,
    or_auto,
    or_none,
    output_folder,
    pages_folder,
    seconds,
    side,
    slowdown,
    whole_number,
    words_folder,
    yes_or_no,
)

count = whole_number(1, 10)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (count, "1", 1),
        (count, "10", 10),
        (or_auto(count), "3", 3),
        (or_auto(count), "auto", None),
        (seconds, "0.5", 0.5),
        (seconds, "1e3", 1000.0),
        (pages_folder, "synthetic", None),
        (endpoint, "head:29400", "head:29400"),
        (one_of("none", "decoded"), "decoded", "decoded"),
        (yes_or_no, "yes", True),
        (yes_or_no, "no", False),
        (slowdown, "3%", 0.03),
        (memory_size, "6GiB", 6 * 2**30),
        (memory_size, "1.5GiB", 3 * 2**29),
        (memory_size, "800MiB", 800 * 2**20),
        (or_none(minutes), "2.5", 2.5),
        (or_none(minutes), "none", None),
        (or_none(side), "rev:main", "rev:main"),
    ],
)
def test_a_value_is_parsed(parse: Callable[[str], Any], text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (count, "0", "a whole number from 1 to 10"),
        (count, "11", "a whole number from 1 to 10"),
        (count, "1.5", "a whole number from 1 to 10"),
        (count, "-1", "a whole number from 1 to 10"),
        (count, "٣", "a whole number from 1 to 10"),
        (count, "", "a whole number from 1 to 10"),
        (or_auto(count), "many", "a whole number from 1 to 10, or auto"),
        *(
            (memory_size, text, "a size above 0, for example 6GiB, 1.5GiB or 800MiB")
            for text in ("6", "6GB", "0GiB", "-1GiB", "6 GiB", "٣GiB", "1e3GiB", "")
        ),
        (slowdown, "3", "a percentage above 0% and below 100%, for example 3% or 2.5%"),
        (slowdown, "٣%", "a percentage above 0% and below 100%, for example 3% or 2.5%"),
        (or_none(minutes), "0", "a number of minutes above 0 and up to 100000, or none"),
        (or_none(side), "", "a side, for example rev:main, or none"),
        (seconds, "0", "a number of seconds above 0"),
        (seconds, "-3", "a number of seconds above 0"),
        (seconds, "inf", "a number of seconds above 0"),
        (seconds, "nan", "a number of seconds above 0"),
        (seconds, "soon", "a number of seconds above 0"),
        (seconds, "1e300", "a number of seconds up to 1000000"),
        (seconds, "9" * 5000, "a number of seconds above 0"),
        (count, "9" * 5000, "a whole number from 1 to 10"),
        (count, "²", "a whole number from 1 to 10"),
        (count, " 1", "a whole number from 1 to 10"),
        (pages_folder, "a\0b", "an existing folder of annotated images, or synthetic"),
        (pages_folder, "\udcff", "an existing folder of annotated images, or synthetic"),
        (output_folder, "\udcff", "a folder, or a path where one can be made"),
        (output_folder, "x" * 5000, "a folder, or a path where one can be made"),
        (pages_folder, "/nowhere", "an existing folder of annotated images, or synthetic"),
        (words_folder, "/nowhere", "an existing folder of word images, or synthetic"),
        (pages_folder, "", "an existing folder of annotated images, or synthetic"),
        (output_folder, "", "a folder, or a path where one can be made"),
        (output_folder, __file__, "a folder, or a path where one can be made"),
        (history_file, "", "a file, or a path where one can be made, or none"),
        (history_file, ".", "a file, or a path where one can be made, or none"),
        (history_file, "/dev/null", "a file, or a path where one can be made, or none"),
        (endpoint, "head", "HOST:PORT"),
        (endpoint, "tcp://head:29400", "HOST:PORT"),
        (one_of("none", "decoded"), "all", "none or decoded"),
        (yes_or_no, "maybe", "no or yes"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(parse: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse(text)


def test_folders_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pages_folder(".") == output_folder(".") == tmp_path.resolve()
    assert output_folder("new/folder") == tmp_path.resolve() / "new" / "folder"
