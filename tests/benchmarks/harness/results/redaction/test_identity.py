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


def test_the_hosts_and_accounts_of_a_job_are_known_from_its_environment() -> None:
    environment = {
        "SLURM_JOB_NODELIST": "gpu[01-03,07]-ib,fat1",
        "SLURM_SUBMIT_HOST": "login3",
        "SLURM_TOPOLOGY_ADDR": "spine4.leaf5.gpu01-ib",
        "SLURM_TOPOLOGY_ADDR_PATTERN": "switch.switch.node",
        "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1",
        "SLURM_JOB_USER": "alice",
        "SUDO_USER": "bob",
        "PBS_O_HOST": "mom7.lab",
        "LSB_HOSTS": "c1x c2x c2x",
        "KUBERNETES_SERVICE_HOST": "kube9",
        "NODE_NAME": "pool-a-1",
        "MASTER_ADDR": "head0",
        "PET_RDZV_ENDPOINT": "meet5:29400",
        "TORCHELASTIC_MASTER_ADDR": "elastic6",
        "PATH": "/usr/bin",
        "CMAKE_HOST": "x86_64",
    }
    identity = Identity.of_this_machine(environment)
    own = Identity.of_this_machine({})
    assert identity.users - own.users == {"alice", "bob"}
    assert identity.hosts - own.hosts == {
        *("gpu01-ib", "gpu02-ib", "gpu03-ib", "gpu07-ib", "fat1", "login3", "spine4", "leaf5", "10.0.0.1", "mom7.lab"),
        *("c1x", "c2x", "kube9", "pool-a-1", "head0", "meet5", "elastic6"),
    }


def test_the_full_name_of_the_person_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    account = pwd.struct_passwd(("al", "x", 1, 1, "Alice Liddell,Room 7,,", "/srv/al", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda number: account)
    assert "Alice Liddell" in Identity.of_this_machine({}).users


def test_the_hosts_of_an_option_are_replaced_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    redaction._redactor.cache_clear()
    line = "waiting for gpu7 and GPU7.lab.example, then for gpu8.lab.example"
    assert redaction.redact(line) == line
    redaction.know_hosts(["gpu7.lab.example:29400", ""])
    assert redaction.redact(line) == "waiting for <host> and <host>, then for <host>"
    redaction._redactor.cache_clear()


def test_all_strings_of_a_json_value_are_redacted() -> None:
    value = {"10.0.0.1": ["10.0.0.1", {"x": ("10.0.0.2", 1, None)}]}
    assert redaction.redacted(value) == {"10.0.0.1": ["<ip>", {"x": ["<ip>", 1, None]}]}
