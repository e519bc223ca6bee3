from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

from benchmarks.harness.results import redaction
from benchmarks.harness.results.redaction import Identity
from private_lines import ALICE


def test_the_names_of_this_machine_are_found_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("asked the network")

    for name in ("getfqdn", "gethostbyname", "getaddrinfo", "gethostbyaddr"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv("HOSTNAME", "pod-7")
    monkeypatch.setenv("MASTER_ADDR", "node0.cluster")
    monkeypatch.setenv("USER", "alice")
    monkeypatch.setenv("HOME", "/srv/alice")
    identity = Identity.of_this_machine()
    assert {"pod-7", "node0.cluster", socket.gethostname()} <= identity.hosts
    assert {"alice", pwd.getpwuid(os.getuid()).pw_name} <= identity.users
    assert {"/srv/alice", pwd.getpwuid(os.getuid()).pw_dir} <= identity.homes


def test_a_home_directory_is_known_by_its_real_path_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    assert {str(tmp_path / "link"), str((tmp_path / "real").resolve())} <= Identity.of_this_machine().homes


def test_a_user_number_without_an_account_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_account(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", no_account)
    monkeypatch.setenv("USER", "ghost")
    assert "ghost" in Identity.of_this_machine().users


def test_names_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    redaction._redactor.cache_clear()
    calls: list[Identity] = []

    def look_up() -> Identity:
        calls.append(ALICE)
        return ALICE

    monkeypatch.setattr(Identity, "of_this_machine", look_up)
    assert redaction.redact("alice") == redaction.redact("alice") == "<user>"
    assert len(calls) == 1
    redaction._redactor.cache_clear()
