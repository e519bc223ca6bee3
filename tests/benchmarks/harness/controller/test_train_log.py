from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.controller import train_log
from benchmarks.harness.controller.train_log import TrainLog
from benchmarks.harness.protocol.records import Failure


def test_every_line_is_redacted_and_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_log, "redact", lambda line: line.replace("secret", "***"))
    path = tmp_path / "logs" / "log"
    with TrainLog(path) as log:
        log.copy(io.BytesIO(b"a secret\r\nb\xff\nhalf a line"))
        assert path.read_text() == "a ***\nb\N{REPLACEMENT CHARACTER}\nhalf a line\n"
        assert log.ended.is_set()
        assert log.failure is None
        assert log.last_line == "half a line"


def test_with_a_heading_a_log_is_appended_to(tmp_path: Path) -> None:
    for heading in ("", "try 1", "try 2"):
        with TrainLog(tmp_path / "log", heading) as log:
            log.copy(io.BytesIO(b"a line\n"))
            assert log.failure is None
    assert (tmp_path / "log").read_text() == "a line\ntry 1\na line\ntry 2\na line\n"


def test_the_last_line_is_the_last_that_is_not_blank_and_is_not_redacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_log, "redact", lambda line: line.replace("secret", "***"))
    with TrainLog(tmp_path / "log") as log:
        assert log.last_line == ""
        log.copy(io.BytesIO(b"first\n /secret/folder \n\n"))
    assert log.last_line == "/secret/folder"


def test_a_line_without_end_is_written_in_pieces_and_no_name_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_log, "redact", lambda piece: piece.replace("secret", "***"))
    line = b"a secret of the bar\r" * 20_000 + b"x" * 200_000 + b" secret"
    with TrainLog(tmp_path / "log") as log:
        log.copy(io.BytesIO(line + b"\nnext\n"))
    text = (tmp_path / "log").read_bytes()
    assert text == line.replace(b"secret", b"***") + b"\nnext\n"


def test_a_line_of_a_megabyte_does_not_stop_the_other_threads(tmp_path: Path) -> None:
    """A regular expression holds the interpreter: it gets no more than a piece at once."""
    seen: list[int] = []

    def redact(piece: str) -> str:
        seen.append(len(piece))
        return piece

    with TrainLog(tmp_path / "log") as log, pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_log, "redact", redact)
        log.copy(io.BytesIO(b"word " * 200_000))
    assert max(seen) <= 2 * train_log.PIECE_BYTES


def test_a_full_disk_is_a_failure_and_blocks_no_process() -> None:
    """/dev/full accepts no byte."""
    with TrainLog(Path("/dev/full")) as log:
        stream = io.BytesIO(b"line\n" * 100_000)
        log.copy(stream)
        assert stream.read() == b""
    assert log.failure is not None
    assert log.failure.kind == "output"
    assert "No space left on device" in log.failure.message
    assert log.error is not None
    assert log.error.errno == errno.ENOSPC


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    path.unlink()
    path.write_text("of another run")


@pytest.mark.parametrize("harm", [delete, replace])
def test_a_log_that_was_deleted_while_it_was_written_is_a_failure(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = tmp_path / "log"
    with TrainLog(path) as log:
        harm(path)
        log.copy(io.BytesIO(b"step: 1/2\n"))
    assert log.failure == Failure("output", "log: the train log was deleted while the case ran")
