from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks.harness.report import junit

XML = (
    '<?xml version="1.0" encoding="utf-8"?><testsuites name="tests"><testsuite name="pytest" hostname="alice-pc">'
    '<testcase classname="benchmarks.test_alice" name="test_speed[alice]"><skipped message="at 10.0.0.1">'
    "/srv/alice/x.py:30: needs a GPU &lt;here&gt;</skipped></testcase></testsuite></testsuites>"
)


def test_host_messages_and_paths_are_redacted_and_names_of_tests_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(junit, "redact", lambda text: text.replace("alice", "<user>").replace("10.0.0.1", "<ip>"))
    path = tmp_path / "junit.xml"
    path.write_text(XML)
    junit.redact_file(path)
    suite = ElementTree.parse(path).getroot()[0]
    case = suite[0]
    assert suite.get("hostname") == "<host>"
    assert (case.get("classname"), case.get("name")) == ("benchmarks.test_alice", "test_speed[alice]")
    assert (case[0].get("message"), case[0].text) == ("at <ip>", "/srv/<user>/x.py:30: needs a GPU <here>")


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    junit.redact_file(tmp_path / "missing.xml")
    os.mkfifo(tmp_path / "pipe.xml")
    junit.redact_file(tmp_path / "pipe.xml")
