"""A file of history lines: several sessions, on several machines, may append to it at once."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from benchmarks.harness.results.history import HISTORY, HistoryLine
from benchmarks.harness.results.reading import DocumentError, open_regular

LOCK_SECONDS = 10.0
"""How long a writer waits for the others, each of which needs milliseconds."""

WAIT_SECONDS = 0.02
MAX_LINE_BYTES = 64 * 1024
_DECODER = msgspec.json.Decoder(HistoryLine)


def append(path: Path, line: HistoryLine, lock_seconds: float = LOCK_SECONDS) -> None:
    """Append a line while the file is locked, and wait until it is on the disk.

    A network file system (NFS) does not append atomically: without the lock, which it passes on to its server, two
    machines would overwrite each other's lines. A file that was replaced while this process waited is opened again.

    Raises:
        OSError: if it cannot be locked or written. No part of the line is then left.
    """
    deadline = time.monotonic() + lock_seconds
    while True:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # the last: never wait for a pipe
        descriptor = os.open(path, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{path.name} is not a regular file")
            _lock(descriptor, path, deadline)
            if _is_at(descriptor, path):
                _write(descriptor, path, msgspec.json.encode(line) + b"\n")
                return
        finally:
            os.close(descriptor)  # and unlock


def _lock(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{path.name} is locked by another program") from None
        except OSError as error:
            raise OSError(f"{path.name} cannot be locked on its file system: {error.strerror}") from None
        time.sleep(WAIT_SECONDS)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write(descriptor: int, path: Path, data: bytes) -> None:
    """A process that died may have left half a line: the new one then begins after a line end."""
    size = os.fstat(descriptor).st_size
    whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
    data = data if whole else b"\n" + data
    if os.write(descriptor, data) != len(data):
        os.ftruncate(descriptor, size)
        raise OSError(f"{path.name}: only a part of a line could be written")
    os.fsync(descriptor)


@dataclass
class History:
    """Lines of one file or of several, by time.

    Attributes:
        lines: in the order of their start.
        texts: the lines as they are in their files, if they were asked for. Fields of later versions are only here.
        damaged: number of lines that were left out because they cannot be read.
        repeated: number of lines that were left out because their run was there before.
        unreadable: files that cannot be read, each with the reason.
        shortened: whether a file was longer than what was asked for, so that its first lines are not here.
    """

    lines: list[HistoryLine] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    damaged: int = 0
    repeated: int = 0
    unreadable: list[str] = field(default_factory=list)
    shortened: bool = False


def read(paths: Iterable[Path], *, keep_texts: bool = False, last_bytes: int | None = None) -> History:
    """The lines of all files, each run once. A folder means the history in it. `last_bytes`: of a longer file, only
    the lines that are whole within so many bytes at its end.
    """
    found, history = [], History()
    seen: set[str] = set()
    for path in paths:
        for line, text in _readable(path, history, last_bytes):
            if line.run_id in seen:
                history.repeated += 1
            else:
                seen.add(line.run_id)
                found.append((line, text if keep_texts else b""))
    found.sort(key=lambda each: each[0].started_at)
    history.lines = [line for line, _ in found]
    history.texts = [text for _, text in found] if keep_texts else []
    return history


def _readable(path: Path, history: History, last_bytes: int | None) -> Iterator[tuple[HistoryLine, bytes]]:
    """The lines of a file that can be read; what cannot be is counted."""
    try:
        path = path / HISTORY if path.is_dir() else path
        for text in _texts(path, history, last_bytes):
            if (line := _decoded(text)) is None:
                history.damaged += 1
            else:
                yield line, text
    except FileNotFoundError:
        history.unreadable.append(f"{path} does not exist: nothing was measured, or the path is wrong")
    except OSError as error:
        history.unreadable.append(f"{path} cannot be read: {error.strerror}")
    except DocumentError as error:
        history.unreadable.append(f"{path}: {error}")


def _texts(path: Path, history: History, last_bytes: int | None) -> Iterator[bytes]:
    """The lines of a file that are not empty."""
    with os.fdopen(open_regular(path), "rb") as file:
        if last_bytes is not None and (start := os.fstat(file.fileno()).st_size - last_bytes) > 0:
            history.shortened = True
            file.seek(start - 1)  # one byte before: a line that begins right at the start is whole
            _skip_line(file)
        while text := file.readline(MAX_LINE_BYTES):
            if len(text) == MAX_LINE_BYTES and not text.endswith(b"\n"):
                _skip_line(file)
            if not text.isspace():
                yield text.strip()


def _skip_line(file: BinaryIO) -> None:
    while (text := file.readline(MAX_LINE_BYTES)) and not text.endswith(b"\n"):
        pass


def _decoded(text: bytes) -> HistoryLine | None:
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last for nesting thousands deep
        return None
