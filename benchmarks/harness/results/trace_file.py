"""A trace of torch's profiler as a file for others: without private data, compressed."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.harness.results.redaction import redact
from ocr_models.files import atomic_write

COMPRESSION = 3
"""Of gzip. More takes seconds and saves little."""


def write_trace(document: Any, path: Path) -> None:
    """Write the entries of a trace. Every string in it loses its private data; names of fields are those of the format.

    Raises:
        OSError: if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        atomic_write(path) as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=COMPRESSION, mtime=0) as packed,
    ):
        packed.write(msgspec.json.encode(_redacted(document, cache(redact))))


def keep_trace(left: Path, path: Path) -> None:
    """Write the trace that a rank left in the folder of its run.

    Raises:
        OSError, msgspec.DecodeError: if it is not there, or cannot be read or written.
    """
    write_trace(msgspec.json.decode(left.read_bytes(), strict=False), path)


def _redacted(value: Any, redact_once: Any) -> Any:
    """In place: a trace has a hundred thousand events, and a few hundred different strings."""
    if isinstance(value, str):
        return redact_once(value)
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str | dict | list):
                value[key] = _redacted(each, redact_once)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, str | dict | list):
                value[index] = _redacted(each, redact_once)
    return value
