"""The place where the nodes of a job meet, "HOST:PORT"."""

from __future__ import annotations


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ValueError: if it is not HOST:PORT.
    """
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{endpoint!r} is not HOST:PORT (--ocr-rdzv-endpoint)")
    return host.strip("[]"), int(port)
