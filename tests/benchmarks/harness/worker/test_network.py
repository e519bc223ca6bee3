from __future__ import annotations

import socket
from collections import namedtuple

import psutil
import pytest

from benchmarks.harness.worker import network
from benchmarks.harness.worker.network import address_towards, interface_of


def test_the_loopback_address_has_an_interface() -> None:
    assert interface_of("127.0.0.1") is not None
    assert interface_of("192.0.2.1") is None


def test_a_machine_whose_name_is_a_loopback_address_uses_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Debian's /etc/hosts. Other nodes would connect to themselves."""
    towards = {"myself": "127.0.1.1", "192.0.2.1": "10.0.0.7", "localhost": "127.0.0.1"}
    monkeypatch.setattr(network, "_source_address", lambda host, port: towards[host])
    assert address_towards("myself", 29400) == "10.0.0.7"
    assert address_towards("localhost", 29400) == "127.0.0.1"


def test_without_a_default_route_a_machine_uses_an_address_of_an_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    def source(host: str, port: int) -> str:
        if host == "192.0.2.1":
            raise OSError("Network is unreachable")
        return "127.0.1.1"

    entry = namedtuple("entry", "family address")
    entries = {"lo": [entry(socket.AF_INET, "127.0.0.1")], "eth0": [entry(socket.AF_INET, "10.0.0.8")]}
    monkeypatch.setattr(network, "_source_address", source)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: entries)
    assert address_towards("myself", 29400) == "10.0.0.8"
