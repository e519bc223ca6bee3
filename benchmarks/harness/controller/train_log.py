"""The train log: what the ranks and the agent printed, line by line, each line redacted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from benchmarks.harness.controller.abort import AbortReader
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.redaction import redact

PIECE_BYTES = 1 << 16


class TrainLog:
    """The file, written while the lines arrive.

    Attributes:
        ended: set once the last process that could print has ended.
        error: why the file cannot be written; None if it can.
        last_line: the last one that is not blank, as it was printed: not redacted.
        abort: the exception that ended a process, if it printed one.

    Raises:
        OSError: if the file cannot be created.
    """

    def __init__(self, path: Path, heading: str = "") -> None:
        """With a heading, a line, the log is appended to: it has the output of earlier runs."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("a" if heading else "w", encoding="utf-8", buffering=1)
        if heading:
            self._file.write(f"{heading}\n")
        self.ended = threading.Event()
        self.error: OSError | None = None
        self.last_line = ""
        self.abort = AbortReader()
        self._deleted = False

    @property
    def failure(self) -> Failure | None:
        """Why the log is incomplete; None if it is complete."""
        if self.error is not None:
            return Failure("output", f"the train log cannot be written: {self.error.strerror}")
        if self._deleted:
            return Failure("output", f"{self._path.name}: the train log was deleted while the case ran")
        return None

    def copy(self, stream: IO[bytes]) -> None:
        """Copy a stream to its end. If the log cannot be written, the stream is still read: a full pipe would block the
        processes that print.
        """
        for piece, end in _pieces(stream):
            line = piece.decode(errors="replace")
            self.abort.read(line)
            self.last_line = line.strip() or self.last_line
            if self.error is None:
                try:
                    self._file.write(redact(line) + end)
                except OSError as error:
                    self.error = error
        self._deleted = not self._is_in_place()
        self.ended.set()

    def _is_in_place(self) -> bool:
        """Whether the file is still at its path: what is written to a deleted file is lost without an error."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def __enter__(self) -> TrainLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as close_error:  # there is no room for the buffered lines either
            self.error = self.error or close_error


def _pieces(stream: IO[bytes]) -> Iterator[tuple[bytes, str]]:
    """Lines without their ends, and what to write after each. A line of more than PIECE_BYTES, such as that of a
    progress bar that never ends its line, comes in pieces, cut after a blank or carriage return: never within a name.
    """
    rest = b""
    while read := stream.readline(PIECE_BYTES):
        piece, rest = rest + read, b""
        if not piece.endswith(b"\n") and len(read) == PIECE_BYTES:
            cut = max(piece.rfind(b"\r"), piece.rfind(b" "), piece.rfind(b"\t")) + 1
            piece, rest = piece[:cut], piece[cut:]
            if len(rest) > PIECE_BYTES:  # a word of this length has no name in it
                piece, rest = piece + rest, b""
            yield piece, ""
        else:
            yield piece.rstrip(b"\r\n"), "\n"
    if rest:
        yield rest, "\n"
