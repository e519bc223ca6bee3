from __future__ import annotations

import sys

import pytest

from benchmarks.harness.results.printable import printable, shorten


@pytest.mark.parametrize("text", ["", "a b", "caf\u00e9 \u6587\u5b57 \u00b5s", "a\\n"])
def test_text_that_can_be_printed_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_every_character_that_a_terminal_may_obey_is_escaped() -> None:
    shown = printable("".join(map(chr, [*range(0x3000), *range(0xD700, sys.maxunicode, 97)])))
    assert shown.isprintable()
    assert shown.isascii() is False
    shown.encode("utf-8")  # no lone surrogate is left
    for text, escaped in [("\n", r"\n"), ("\x9b", r"\x9b"), ("\u2028", r"\u2028"), ("\U000e0001", r"\U000e0001")]:
        assert printable(f"a{text}b") == f"a{escaped}b"


def test_a_long_text_is_cut() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc..."
