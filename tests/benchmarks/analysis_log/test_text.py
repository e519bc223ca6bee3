from __future__ import annotations

import gzip
import json
import os
import re
import statistics
import tracemalloc
from pathlib import Path

import pytest

from benchmarks import analysis_log
from benchmarks.analysis_log import text
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.validation import problems
from train_logs import Analyse, failure_kind


def test_foreign_bytes_windows_line_ends_progress_bars_and_colours_are_tolerated(analyse: Analyse) -> None:
    log = (
        b"\xef\xbb\xbfips: 2.0 x\r\n"
        b"\xff\xfe\x00 gar\xc3bage\r\n"
        b"\xe9poque ips: 4.0 \xe9\r\n"
        b"  5%|#   | ips: 8.0 it\r 10%|##  | ips: 16.0 it\r\n"
        b"\x1b[32mips:\x1b[0m \x1b[1;31m32.0\x1b[0m\n"
    )
    _, document = analyse(log)
    assert document["details"]["records_found"] == 5
    assert document["FINAL_RESULT"] == round(statistics.harmonic_mean([2, 4, 8, 16, 32]), 3)


def test_a_log_that_cannot_be_read_yields_a_valid_failed_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    for name, cause in (
        ("nowhere.log", "No such file or directory"),
        (".", "Is a directory"),
        ("fifo", "it is a named pipe (FIFO); write the log to a file first"),
        ("/dev/zero", "it is a device, not a file"),
        (f"{'x' * 300}.log", "File name too long"),
    ):
        assert analysis_log.main(["--filename", name, "--keyword", "ips:"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert problems(document, SPEED) == []
        assert document["details"]["failure"] == {
            "kind": "log", "message": f"the log cannot be read: {cause}", "rank": None
        }  # fmt: skip


NONBLOCK = os.O_NONBLOCK
LOG = "".join(f"step: {step} ips: 2.5 images/s, \u00fc \u56fe\n" for step in range(40))


@pytest.mark.parametrize(
    "log",
    [
        *[LOG.encode(encoding) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030")],
        b"\xfe\xff" + LOG.encode("utf-16-be"),
        LOG.encode("utf-16-le")[:-1],
        LOG.replace("\u56fe", "").encode("latin-1"),
        LOG.replace("\n", "\r").encode(),
        LOG.replace("\n", "\r\n").encode(),
        b"\0" * 300_000 + LOG.encode() + b"\0" * 5000,
        LOG.replace("ips", "i\0ps").encode(),
        LOG.replace("ips", "\x1b]8;;http://x\x1b\\\x1b[1;32mips").encode(),
    ],
)
def test_encodings_line_ends_and_nul_bytes_do_not_matter(analyse: Analyse, log: bytes) -> None:
    _, document = analyse(log)
    assert document["FINAL_RESULT"] == 2.5
    assert document["details"]["records_found"] in (39, 40)  # the last may be interrupted in its line end


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_keyword_need_not_be_ascii(analyse: Analyse, encoding: str) -> None:
    _, document = analyse(LOG.replace("ips:", "\u901f\u5ea6:").encode(encoding), "--keyword", "\u901f\u5ea6:")
    assert document["FINAL_RESULT"] == 2.5


@pytest.mark.parametrize(
    ("log", "named"),
    [
        (LOG.encode("utf-32"), "UTF-32"),
        (LOG.encode("utf-32-le"), "UTF-32"),
        (LOG.encode("utf-32-be"), "UTF-32"),
        (LOG.encode() + LOG.encode("utf-16-le"), "a part of it is UTF-16, another is not"),
        (LOG.encode("utf-16") + LOG.encode(), "a part of it is UTF-16, another is not"),
        (gzip.compress(LOG.encode()), "it is compressed (gzip); unpack it first"),
    ],
)
def test_what_is_not_read_is_named(analyse: Analyse, log: bytes, named: str) -> None:
    _, document = analyse(log)
    assert failure_kind(document) == "log"
    assert named in document["details"]["failure"]["message"]


@pytest.mark.parametrize("filling", [b"x", b"\0", b"\x1b["])
def test_a_huge_line_is_read_in_bounded_memory(analyse: Analyse, filling: bytes) -> None:
    log = filling * (16_000_000 // len(filling)) + b"\nips: 2.5\n"
    analyse("ips: 2.5\n")  # compiles and caches what is needed once
    tracemalloc.start()
    _, document = analyse(log)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert document["FINAL_RESULT"] == 2.5
    assert peak_bytes < 14_000_000


def test_a_huge_line_with_the_keyword_is_no_log(analyse: Analyse) -> None:
    for log in (b"ips: 2.5 " * 300_000, b"x" * 1_100_000 + b"ips: 2.5\nips: 2.5\n", b"x" * 5_000_000 + b"ips: 2.5\n"):
        code, document = analyse(log)
        assert code == 1
        assert "line 1 has the keyword and more than 1048576 characters" in document["details"]["failure"]["message"]


def test_a_file_that_would_wait_for_more_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    monkeypatch.setattr(
        text, "_open_without_waiting", lambda path, flags: os.open(f"/dev/fd/{read_end}", flags | os.O_NONBLOCK)
    )
    (tmp_path / "a.log").touch()
    with pytest.raises(text.LogError, match="it has no end"):
        list(text.lines_of(tmp_path / "a.log", re.compile("ips:")))
    os.close(read_end)
    os.close(write_end)
