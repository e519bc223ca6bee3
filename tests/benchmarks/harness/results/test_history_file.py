"""Files of history lines: appended to by several at once, read whatever happened to them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.cases import parse_case
from benchmarks.harness.results.common import new_run_id
from benchmarks.harness.results.history import HISTORY, HistoryLine, history_line
from benchmarks.harness.results.history_file import append, read
from samples import speed_artifact

CASE = "psenet_sp_bs2_fp32_cpu1"
LINE = history_line(speed_artifact(CASE), "speed", parse_case(CASE))


def new_line(minutes: float = 0) -> HistoryLine:
    return structs.replace(LINE, run_id=new_run_id(), started_at=LINE.started_at + timedelta(minutes=minutes))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / HISTORY


@pytest.mark.parametrize(
    "before",
    [
        *(b"", b'{"half": "a li', b"\xff\xfe\x00", b"not JSON\n", b"[1, 2]\n", b"[" * 60_000, b'{"new": ' * 7000),
        b"x" * 200_000,
    ],
    ids=lambda before: f"{len(before)} {before[:8]!r}",
)
def test_a_damaged_line_never_harms_the_others(path: Path, before: bytes) -> None:
    first, second = new_line(), new_line(1)
    append(path, first)
    with path.open("ab") as file:
        file.write(before)
    append(path, second)
    found = read([path])
    assert [line.run_id for line in found.lines] == [first.run_id, second.run_id]
    assert found.damaged == bool(before)


def test_a_line_is_written_at_once_while_the_file_is_locked_and_is_on_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def spy(module: Any, name: str) -> None:
        real = getattr(module, name)

        def called(*given: Any) -> Any:
            calls.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, called)

    for module, name in ((fcntl, "flock"), (os, "write"), (os, "fsync"), (os, "close")):
        spy(module, name)
    append(path, LINE)
    assert calls == ["flock", "write", "fsync", "close"]


def test_no_line_of_several_writers_is_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lock these writers would overwrite each other, as those of a network file system do."""

    def write_not_atomically(descriptor: int, data: bytes) -> int:
        end = os.fstat(descriptor).st_size
        fcntl.fcntl(descriptor, fcntl.F_SETFL, 0)  # no O_APPEND
        time.sleep(0.0005)
        return os.pwrite(descriptor, data, end)

    monkeypatch.setattr(os, "write", write_not_atomically)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: append(path, new_line()), range(40)))
    found = read([path])
    assert (len(found.lines), found.damaged, found.repeated) == (40, 0, 0)


def test_a_file_that_stays_locked_or_cannot_be_locked_is_refused_in_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(path, LINE)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=r"^history.jsonl is locked by another program$"):
            append(path, new_line(), lock_seconds=0.01)
        assert time.monotonic() - started < 3

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match=r"^history.jsonl cannot be locked on its file system: No locks available$"):
        append(path, new_line())
    assert len(read([path]).lines) == 1


def test_a_file_that_is_replaced_while_a_writer_waits_gets_the_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(path, LINE)
    real = fcntl.flock

    def replaced_meanwhile(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        path.rename(path.with_name("old"))
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", replaced_meanwhile)
    append(path, second := new_line())
    assert [line.run_id for line in read([path]).lines] == [second.run_id]


def test_no_part_of_a_line_is_left_on_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(path, LINE)
    before, real = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:100]))
    with pytest.raises(OSError, match="only a part of a line could be written"):
        append(path, new_line())
    assert path.read_bytes() == before


def test_several_files_are_one_history_by_time_with_each_run_once(tmp_path: Path) -> None:
    early, late, both = new_line(1), new_line(3), new_line(2)
    for folder, lines in (("a", (both, late)), ("b", (early, both))):
        (tmp_path / folder).mkdir()
        for line in lines:
            append(tmp_path / folder / HISTORY, line)
    found = read([tmp_path / "a", tmp_path / "b" / HISTORY], keep_texts=True)
    assert [line.run_id for line in found.lines] == [line.run_id for line in (early, both, late)]
    assert [json.loads(text)["run_id"] for text in found.texts] == [line.run_id for line in found.lines]
    assert (found.repeated, found.damaged, found.unreadable) == (1, 0, [])


def test_what_is_no_file_is_named_and_never_waited_for(path: Path, tmp_path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="is not a regular file"):
        append(path, LINE)
    assert read([path, tmp_path / "missing"]).unreadable == [
        f"{path}: not a regular file but a named pipe",
        f"{tmp_path / 'missing'} does not exist: nothing was measured, or the path is wrong",
    ]


def test_fields_of_a_later_version_are_no_damage_and_are_kept(path: Path) -> None:
    append(path, LINE)
    document = {**json.loads(path.read_text()), "new": 1}
    path.write_text(json.dumps(document) + "\n")
    found = read([path], keep_texts=True)
    assert (found.damaged, json.loads(found.texts[0])["new"]) == (0, 1)


def test_of_a_long_file_only_whole_lines_at_its_end_are_read(path: Path) -> None:
    lines = [new_line(minutes) for minutes in range(4)]
    for line in lines:
        append(path, line)
    last_two = sum(map(len, path.read_bytes().splitlines(keepends=True)[2:]))
    for last_bytes, expected in [(last_two, 2), (last_two - 1, 1), (10, 0), (path.stat().st_size, 4)]:
        found = read([path], last_bytes=last_bytes)
        assert [line.run_id for line in found.lines] == [line.run_id for line in lines[4 - expected :]]
        assert (found.shortened, found.damaged) == (expected < 4, 0)
