"""Opening of files that anyone may have made, so that reading them neither waits nor fills the memory."""

from __future__ import annotations

import errno
import io
import os
import stat
import zipfile
from pathlib import Path


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a file for reading in binary mode.

    Raises:
        OSError: if it cannot be opened, or is a FIFO, a device or a socket: reading those may block or never end.
    """
    try:
        mode = Path(path).stat().st_mode
    except ValueError:  # a NUL in the path
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.fspath(path)) from None
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", os.fspath(path))
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # some of /proc wait for data


class ZipReader(io.BufferedReader):
    """Never reads more than `limit` bytes at once: `zipfile` reads a directory in one piece, whatever its size."""

    def __init__(self, file: io.BufferedReader, limit: int) -> None:
        """Closing either closes both."""
        super().__init__(file.raw)
        self._limit = limit

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._limit:
            raise zipfile.BadZipFile(f"its directory has {size} bytes, at most {self._limit} are read")
        return super().read(self._limit if size is None or size < 0 else size)
