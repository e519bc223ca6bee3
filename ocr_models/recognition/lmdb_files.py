"""LMDB folders, opened when something is read from them, once per process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import lmdb

from ocr_models.errors import DataError, shown
from ocr_models.files import is_regular_file

DATA_FILE = "data.mdb"

_open: dict[str, lmdb.Environment] = {}
"""Real path -> what this process has open: lmdb refuses to open a folder twice in one process."""

_known: dict[Path, lmdb.Environment] = {}
"""The same by path as given: finding the real path takes longer than reading a value."""

_owner = os.getpid()


def open_lmdb(folder: Path) -> lmdb.Environment:
    """The LMDB of a folder, for reading: without lock file, so that its disk may be read-only, and without readahead.

    A process that was forked opens it again: what it has inherited must not be used.

    Raises:
        DataError: if it is missing, damaged, incomplete or unreadable.
    """
    global _owner
    if _owner != os.getpid():
        for inherited in _open.values():
            with suppress(lmdb.Error):
                inherited.close()
        _open.clear()
        _known.clear()
        _owner = os.getpid()
    if (known := _known.get(folder)) is not None:
        return known
    path = os.path.realpath(folder)
    if path not in _open:
        _open[path] = _opened(folder)
    _known[folder] = _open[path]
    return _open[path]


def close_lmdb(folder: Path) -> None:
    """Close the LMDB of a folder in this process, for example before its file is replaced."""
    if (environment := _open.pop(os.path.realpath(folder), None)) is not None:
        for path in [path for path, known in _known.items() if known is environment]:
            del _known[path]
        environment.close()


def _opened(folder: Path) -> lmdb.Environment:
    file = folder / DATA_FILE
    if not is_regular_file(file):
        raise DataError(f"{shown(file)}: cannot be read: no such file, or no regular file")
    try:
        environment = lmdb.open(
            os.fspath(folder), readonly=True, create=False, lock=False, readahead=False, meminit=False, max_spare_txns=1
        )
    except lmdb.Error as error:
        raise DataError(f"{shown(file)}: cannot be read as LMDB: {_reason(error, folder)}") from error
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if (size := file.stat().st_size) < expected:  # the operating system kills a process that reads behind the end
        environment.close()
        raise DataError(f"{shown(file)}: truncated: it has {size} bytes of {expected}; copy it again")
    return environment


def _reason(error: lmdb.Error, folder: Path) -> str:
    return shown(str(error).removeprefix(f"{folder}: "), 160)


def read_value(folder: Path, key: str) -> bytes:
    """The value of a key.

    Raises:
        DataError: if there is no such key, or the LMDB cannot be read.
    """
    environment = open_lmdb(folder)
    try:
        with environment.begin() as transaction:
            value: bytes | None = transaction.get(key.encode())
    except lmdb.Error as error:
        raise DataError(f"{shown(folder)}: {key}: cannot be read: {_reason(error, folder)}") from error
    if value is None:
        raise DataError(f"{shown(folder)}: {key}: no such key")
    return value
