from __future__ import annotations

import time

import msgspec
import pytest

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.text import MAX_CHARACTERS, printable_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one line", "one line"),
        ("two\nlines\r\nand\u2028a\x85third", "two lines and a third"),
        ("\x1b[31mred\x1b[0m\x00 \t bell\x07", "red bell"),
        ("\x1b]0;title\x07\x1b[1;31mgpu7.lab.example\x1b[0m", "gpu7.lab.example"),
        ("right to left \u202eover", "right to left over"),
        ("\udcff.jpg", ".jpg"),
        ("Größe 画像", "Größe 画像"),
        (" \n ", ""),
    ],
)
def test_any_text_becomes_one_printable_line(text: str, expected: str) -> None:
    assert printable_line(text) == expected


@pytest.mark.parametrize("text", ["word " * 20_000, "x" * 100_000, "\n" * 100_000 + "z", "x" * 50 + " " + "y" * 10**8])
def test_a_long_text_is_cut_after_a_whole_word_in_no_time(text: str) -> None:
    began = time.monotonic()
    line = printable_line(text)
    assert time.monotonic() - began < 1
    assert len(line) <= MAX_CHARACTERS
    assert line.endswith("...")
    assert line.startswith(text.strip()[:50]) or line == "..."


@pytest.mark.parametrize("message", ["two\nlines", "\x1b[2J", "", "\n", "\udcff", "x" * 10**5], ids=range(6))
def test_every_failure_can_be_written_and_read(message: str) -> None:
    failure = Failure("exception", message, 0)
    assert failure.message
    assert msgspec.json.decode(msgspec.json.encode(failure), type=Failure) == failure
