"""Atomic writing of files: a reader finds the old file or the whole new one, never a part. Standard library only."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

FOLDER_SYNC_NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file object; when the block ends, its content replaces the file at `path` and is on the disk.

    The content goes to a hidden file in the same folder, which must exist. If the block or the disk fails, the hidden
    file is removed and an older file at `path` stays as it was. The new file has the permissions of a new file (umask).

    Raises:
        OSError: if the file cannot be written. `filename` is `path`, not the hidden file.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")  # several processes may write one file
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException as error:
        with suppress(OSError):  # it may never have been created
            unfinished.unlink()
        if isinstance(error, OSError) and str(error.filename) == str(unfinished):
            error.filename, error.filename2 = str(path), None
        raise
    _sync_folder(path.parent)


def write_text_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, as `atomic_write` does, without changing line ends. Makes missing parent folders.

    Raises:
        OSError: if the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(text.encode())


def _sync_folder(folder: Path) -> None:
    """Without this, a power failure may undo the renaming. The file itself is complete by now."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in FOLDER_SYNC_NOT_SUPPORTED:
            raise
