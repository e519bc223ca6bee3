"""Reading and writing of files that users and other programs touch as well. Standard library only.

Reading never waits or fills the memory, whatever lies at the path. Writing is atomic: a reader finds the old file or
the whole new one, never a part.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ocr_models.bounded import open_regular
from ocr_models.errors import DataError, shown

FOLDER_SYNC_NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)


def read_regular_file(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """The content of a file.

    Raises:
        DataError: if it cannot be read, is no regular file (opening a FIFO would wait for a writer, a device may never
            end) or has more than `max_bytes`.
    """
    with open_regular_file(path) as file:
        try:
            is_small = os.fstat(file.fileno()).st_size <= max_bytes
            # A file may grow, and some of /proc have size 0, or no data yet (None).
            content = (file.read(max_bytes + 1) or b"") if is_small else b""
        except OSError as error:
            raise DataError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    if not is_small or len(content) > max_bytes:
        raise DataError(f"{shown(path)}: larger than {max_bytes // 2**20} MiB; replace the file")
    return content


def open_regular_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """A file opened for reading, as `bounded.open_regular` does.

    Raises:
        DataError: if it cannot be opened or is no regular file.
    """
    try:
        return open_regular(path)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error


def is_regular_file(path: Path) -> bool:
    """Whether there is a regular file, also through links; False for a path that no file can have."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether there is a folder, also through links; False for a path that no folder can have."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # also of a path that is too long or has a zero byte, for which Path.is_dir raises
        return 0


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
            raise OSError(error.errno, error.strerror, str(path)) from error
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
