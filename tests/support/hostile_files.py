"""Files that are named like artifacts and are none: what a folder may hold by accident or by intent."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

MakeFile = Callable[[Path, dict[str, Any]], object]
"""(path, a good artifact as plain JSON values) -> the file at the path."""


def content(text: str | bytes) -> MakeFile:
    """A file with this content."""
    return lambda path, _: path.write_bytes(text if isinstance(text, bytes) else text.encode())


def link(target: str) -> MakeFile:
    return lambda path, _: path.symlink_to(target)


def replacing(old: str, new: str) -> MakeFile:
    """A good artifact with a change in its text."""

    def make(path: Path, good: dict[str, Any]) -> None:
        text = json.dumps(good)
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return make


def _socket(path: Path, _: dict[str, Any]) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # an address has at most 107 bytes


def _sparse(path: Path, _: dict[str, Any]) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


FILES: dict[str, tuple[MakeFile, str]] = {
    # no regular file
    "pipe": (lambda path, _: os.mkfifo(path), "not a regular file but a named pipe"),
    "socket": (_socket, "not a regular file but a socket"),
    "folder": (lambda path, _: path.mkdir(), "not a regular file but a directory"),
    "zero": (link("/dev/zero"), "not a regular file but a character device"),
    "terminal": (link("/dev/tty"), "a character device"),
    "standard_input": (link("/dev/stdin"), "not a regular file but"),
    "dangling": (link("nowhere"), "cannot be read: No such file or directory"),
    "loop": (link("loop_speed"), "cannot be read: Too many levels of symbolic links"),
    "no_size": (link("/proc/self/environ"), "not JSON"),
    # too much
    "huge": (_sparse, "too large: 1099511627776 bytes"),
    "long": (content(b'{"log_file": "' + b"a" * 5_000_000), "too large: 5000014 bytes"),
    "deep_arrays": (content("[" * 100_000), "nested more than 20 deep"),
    "deep_objects": (content('{"a":' * 100_000), "nested more than 20 deep"),
    "deep_enough_to_parse": (replacing('"seed": 0', f'"seed": {"[" * 300}{"]" * 300}'), "nested more than 20 deep"),
    "many_items": (replacing('"ranks": [', f'"ranks": [{"0, " * 300_000}'), "more than 200000 values"),
    "many_bad_items": (replacing('"ranks": [', f'"ranks": [{"0, " * 40_000}'), "0 is not of type 'object'"),
    "many_empty": (replacing('"ranks": [', f'"ranks": [{"{}, " * 40_000}'), "is a required property"),
    "many_keys": (
        replacing('"seed": 0', ", ".join(f'"k{number}": 0' for number in range(300_000))),
        "more than 200000 values",
    ),
    "many_unknown_keys": (
        replacing('"seed": 0', ", ".join(f'"k{number}": 0' for number in range(40_000))),
        "'seed' is a required property",
    ),
    "slow_unit": (replacing('"samples/sec"', f'"{"/" * 1_000_000} "'), "UNIT"),
    "slow_case": (replacing("psenet_sp", "psenet_" * 100_000), "details.case"),
    # numbers
    "integer_of_400_digits": (replacing('"FINAL_RESULT": 16.0', f'"FINAL_RESULT": 1{"0" * 400}'), "of 401 digits"),
    "integer_of_5000_digits": (replacing('"seed": 0', f'"seed": {"9" * 5000}'), "an integer of 5000 digits"),
    "infinite": (replacing('"FINAL_RESULT": 16.0', '"FINAL_RESULT": 1e400'), "infinity"),
    "nan": (replacing('"FINAL_RESULT": 16.0', '"FINAL_RESULT": NaN'), "NaN"),
    "constant": (replacing('"seed": 0', '"seed": -Infinity'), "infinity"),
    "long_number": (replacing("16.0", f"16.{'0' * 100_000}"), "a number of 100003 characters"),
    "tiny_number": (replacing('"measured_seconds": 50.0', '"measured_seconds": 1e-320'), "yield inf"),
    "large_number": (replacing('"FINAL_RESULT": 16.0', '"FINAL_RESULT": 1e308'), "1e+308"),
    # text
    "empty": (content(""), "not JSON: the file is empty"),
    "blank": (content(" \n"), "not JSON"),
    "half": (content('{"log_file": "a'), "not JSON"),
    "utf_8_mark": (content(b"\xef\xbb\xbf{}"), "not JSON: begins with a byte order mark of UTF-8"),
    "utf_16": (content("{}".encode("utf-16")), "not JSON: begins with a byte order mark of UTF-16"),
    "utf_16_without_mark": (content("{}".encode("utf-16-le")), "not JSON: contains NUL bytes"),
    "latin_1": (content('{"log_file": "\xe9"}'.encode("latin-1")), "not JSON: not UTF-8 at byte 14"),
    "two_documents": (content("{}\n{}"), "not JSON: Extra data"),
    "array": (content("[]"), "not a JSON object but list"),
    "twice": (
        replacing('"JOB_FAIL_FLAG": 0', '"JOB_FAIL_FLAG": 1, "JOB_FAIL_FLAG": 0'),
        "'JOB_FAIL_FLAG' is there more",
    ),
    "twice_inside": (replacing('"seed": 0', '"seed": 1, "seed": 0'), "the key 'seed' is there more than once"),
    "surrogate": (replacing('"OCR"', r'"\ud800"'), r"the lone surrogate in '\ud800'"),
    "surrogate_key": (replacing('"seed": 0', r'"seed": 0, "\udfff": 0'), r"the lone surrogate in '\udfff'"),
    "line_end": (replacing('bs8_fp32"', r'bs8_fp32\n"'), "model_name"),
    # the flag, and other types
    "false": (replacing('"JOB_FAIL_FLAG": 0', '"JOB_FAIL_FLAG": false'), "JOB_FAIL_FLAG: false is not 0 or 1"),
    "real_flag": (replacing('"JOB_FAIL_FLAG": 0', '"JOB_FAIL_FLAG": 0.0'), "JOB_FAIL_FLAG: 0.0 is not 0 or 1"),
    "text_flag": (replacing('"JOB_FAIL_FLAG": 0', '"JOB_FAIL_FLAG": "0"'), 'JOB_FAIL_FLAG: "0" is not 0 or 1'),
    "null_flag": (replacing('"JOB_FAIL_FLAG": 0', '"JOB_FAIL_FLAG": null'), "JOB_FAIL_FLAG: null is not 0 or 1"),
    "object_flag": (replacing('"JOB_FAIL_FLAG": 0', '"JOB_FAIL_FLAG": {}'), "JOB_FAIL_FLAG: {} is not 0 or 1"),
    "true_seed": (replacing('"seed": 0', '"seed": true'), "details.seed: true is not of type 'integer'"),
    "true_result": (replacing('"FINAL_RESULT": 16.0', '"FINAL_RESULT": true'), "FINAL_RESULT: true is not"),
    "false_direction": (replacing('"direction_id": 0', '"direction_id": false'), "direction_id: false"),
    "real_count": (replacing('"gpu_num": 1', '"gpu_num": 1.0'), "Expected `int`, got `float`"),
}
"""Name -> how the file `<name>_speed` is made, and what the gate says of it."""
