"""The folder of the files that the processes of a run exchange, and the name by which the ranks know it as TMPDIR.

It is in TMPDIR, and it is removed with all that killed processes left in it. If pytest itself is killed, the ranks
remove it; if they are killed, too, the next run does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PREFIX = "ocr-run-"
MODE = stat.S_ISVTX | 0o700
"""Of a run folder. It distinguishes it from a folder of the user with such a name, also when half of it was removed."""
MAX_SOCKET_PATH_BYTES = 107
SOCKET_NAME = "/pymp-xxxxxxxx/listener-xxxxxxxx"
"""What Python's multiprocessing adds to TMPDIR for the socket by which a loader process passes its batches."""
MAX_TMPDIR_BYTES = MAX_SOCKET_PATH_BYTES - len(SOCKET_NAME)


class TemporaryFolderError(Exception):
    """TMPDIR cannot be used: one line."""


@dataclass(frozen=True)
class RunFolder:
    """A folder that exists for one run.

    Attributes:
        path: of the files of the suite.
        tmpdir: the same folder as TMPDIR of the ranks: short enough for the sockets of loader processes.
    """

    path: Path
    tmpdir: str


@contextmanager
def run_folder() -> Iterator[RunFolder]:
    """A new folder, locked by this process and removed at the end of the block.

    Raises:
        TemporaryFolderError: if it cannot be made.
    """
    try:
        base = Path(tempfile.gettempdir())
        remove_abandoned(base)
        path, descriptor = _make_locked(base)
    except OSError as error:
        raise TemporaryFolderError(f"TMPDIR: {_named(error)} cannot be written: {error.strerror}") from error
    try:
        yield RunFolder(path, _short_name(path, descriptor))
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def remove_abandoned(base: Path) -> None:
    """Remove this user's run folders whose process has ended: the lock of a process ends with it."""
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                _remove_unlocked(Path(entry.path))


def unusable(folder: str, *, loader_processes: bool = True) -> str | None:
    """Why a folder cannot be TMPDIR of a case; None if it can."""
    try:
        length = len(folder.encode())
    except UnicodeEncodeError:
        return f"TMPDIR: {folder!r} is not valid UTF-8; set TMPDIR to another folder"
    if not loader_processes or length <= MAX_TMPDIR_BYTES:
        return None
    return (
        f"TMPDIR: {folder} has {length} bytes, at most {MAX_TMPDIR_BYTES}: loader processes make sockets below it, and "
        f"their paths are limited to {MAX_SOCKET_PATH_BYTES} bytes; set a shorter TMPDIR, or --ocr-loader-workers 0"
    )


def write_error(folder: Path) -> str | None:
    """Why nothing can be written to a folder, such as a full disk; None if something can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))
    except OSError as error:
        return f"TMPDIR: {folder.parent} cannot be written: {error.strerror}"
    return None


def _make_locked(base: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that holds its lock."""
    while True:
        path = base / f"{PREFIX}{secrets.token_hex(8)}"
        path.mkdir(MODE)  # and not tempfile.mkdtemp: from the beginning it is known for what it is
        with contextlib.suppress(FileNotFoundError, BlockingIOError):  # another run took it for an abandoned one
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            if _lock(descriptor) and path.exists():
                return path, descriptor
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open folder. False if another process holds it. A file system without locks does not need one: nobody
    removes a folder that cannot be locked.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove_unlocked(path: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            status = os.fstat(descriptor)
            if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) == MODE:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)


def _short_name(path: Path, descriptor: int) -> str:
    """The path, or a shorter name if TMPDIR leaves no room for the folder: that of this process's open descriptor."""
    if unusable(str(path)) is None:
        return str(path)
    short = f"/proc/{os.getpid()}/fd/{descriptor}"
    return short if os.access(short, os.W_OK) else str(path.parent)


def _named(error: OSError) -> str:
    return str(Path(error.filename).parent) if error.filename else "no folder"
