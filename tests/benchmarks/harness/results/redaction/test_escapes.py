from __future__ import annotations

import pytest

from private_lines import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31malice\x1b[0m", "\x1b[31m<user>\x1b[0m"),
        ("al\x1b[1mice here", "<user>\x1b[1m here"),
        ("\x1b[1;32mgpu-node17\x1b[m:", "\x1b[1;32m<host>\x1b[m:"),
        ("\x1b(B\x1b[malice", "\x1b(B\x1b[m<user>"),
        ("\x1b]8;;file:///home/bob/x\x1b\\link\x1b]8;;\x1b\\", "\x1b]8;;file://~/x\x1b\\link\x1b]8;;\x1b\\"),
        ("\x9b31malice", "\x9b31m<user>"),
        ("al\u200bice", "<user>\u200b"),
        ("10.0.\x1b[1m0.1", "<ip>\x1b[1m"),
        ("X_PASSWORD=hun\x1b[1mter2 y", "X_PASSWORD=<secret>\x1b[1m y"),
        ("X_PASSWORD=\x1b[1mhunter2", "X_PASSWORD=\x1b[1m<secret>"),
        ("'\\x1b[31malice'", "'\\x1b[31m<user>'"),
        ("'one\\nalice'", "'one\\n<user>'"),
        ('"\\u001b[31malice"', '"\\u001b[31m<user>"'),
        ("alice\x07bob", "<user>\x07bob"),
        ("12\x1b[0malice", "12\x1b[0m<user>"),
    ],
)
def test_an_escape_sequence_does_not_hide_a_name(text: str, expected: str) -> None:
    assert redact(text) == expected
