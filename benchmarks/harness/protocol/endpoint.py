"""The place where the nodes of a job meet, "HOST:PORT"."""

from __future__ import annotations

FIRST_PORT, LAST_PORT = 29400, 65535
"""The port that torch prefers, and the highest one there is."""


def port_after(port: int, count: int) -> int:
    """The port `count` after another one. After the highest one comes FIRST_PORT, the same on all nodes."""
    beyond = port + count - LAST_PORT - 1
    return port + count if beyond < 0 else FIRST_PORT + beyond % (LAST_PORT + 1 - FIRST_PORT)


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ValueError: if it is not HOST:PORT.
    """
    host, _, port = endpoint.rpartition(":")
    is_host = bool(host.strip("[]")) and host.isprintable() and not set(" /@") & set(host)  # also no URL
    digits = port.isascii() and port.isdigit() and len(port) <= len(str(LAST_PORT))
    if not is_host or not digits or not 0 < int(port) <= LAST_PORT:
        raise ValueError(f"{endpoint!r} is not HOST:PORT (--ocr-rdzv-endpoint)")
    return host.strip("[]"), int(port)
