"""Network addresses of this machine, as other nodes see them."""

from __future__ import annotations

import contextlib
import socket

import psutil


def address_towards(host: str, port: int) -> str:
    """The address by which other nodes reach this machine: the source address of its route to `host`. Sends nothing.

    Many machines resolve their own name to a loopback address. Then it is the source address of the default route.

    Raises:
        OSError: if there is no route to `host`.
    """
    address = _source_address(host, port)
    if is_loopback(address) and not is_loopback(host):
        return _outward_address() or address
    return address


def is_loopback(host: str) -> bool:
    """Whether a host name or address always means this machine."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _source_address(host: str, port: int) -> str:
    family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        address: str = probe.getsockname()[0]
    return address


def _outward_address() -> str | None:
    """Source address of the IPv4 default route; without one, the first address that is not loopback."""
    with contextlib.suppress(OSError):
        return _source_address("192.0.2.1", 9)  # reserved for documentation, assigned to nobody
    entries = [entry for each in psutil.net_if_addrs().values() for entry in each if entry.family == socket.AF_INET]
    return next((entry.address for entry in entries if not is_loopback(entry.address)), None)


def interface_of(address: str) -> str | None:
    """The network interface that has an address."""
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.address.partition("%")[0] == address for entry in entries):
            return name
    return None
