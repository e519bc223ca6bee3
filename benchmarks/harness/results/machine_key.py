"""The hardware and the driver on which figures were obtained, without anything that identifies one machine or person.

Figures are compared with stored ones only if these are the same. It is no proof: two machines of one kind have the same
key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

import psutil

from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.documents import at, has, number, text

FIELDS = ("device", "cpu", "cores", "memory", "gpu", "driver")
"""In this order: "cpu" or "gpu"; then names, versions and numbers. The last two only for a GPU case."""

REQUIRED = {"cpu": ("device", "cpu", "cores"), "gpu": ("device", "cpu", "cores", "gpu", "driver")}
"""By device: without these two machines cannot be compared."""


def machine_key(details: object) -> dict[str, str]:
    """The key in the details of an artifact, without the memory, which artifacts lack, and what old ones lack."""
    cores = number(details, "environment.cores")
    found: dict[str, str | None] = {
        "cpu": text(details, "environment.cpu"),
        "cores": None if cores is None else f"{cores:g}",
    }
    if has(details, "environment.cuda"):
        on_gpu = at(details, "environment.cuda") is not None
        found["device"] = "gpu" if on_gpu else "cpu"
        if on_gpu:
            found["gpu"] = text(details, "device")
            found["driver"] = text(details, "environment.driver")
    return ordered(found)


def memory() -> str:
    """Of this machine, in whole GiB: what the kernel reserves differs between its versions."""
    return f"{psutil.virtual_memory().total / 2**30:.0f} GiB"


def differing(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """The fields that both keys have and that differ, "cpu: X there, Y here"."""
    both = [name for name in FIELDS if name in there and name in here]
    return [f"{name}: {there[name]} there, {here[name]} here" for name in both if there[name] != here[name]]


def not_compared(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """The fields that only one of the keys has."""
    return [name for name in FIELDS if (name in there) != (name in here)]


def missing(key: Mapping[str, str]) -> list[str]:
    """The fields that a key lacks and that a comparison of machines needs."""
    return [name for name in REQUIRED.get(key.get("device", ""), REQUIRED["cpu"]) if name not in key]


def ordered(found: Mapping[str, str | None]) -> dict[str, str]:
    """A key of what is known, its fields in their order."""
    return {name: printable_line(value) for name in FIELDS if (value := found.get(name))}


def short_name(key: Mapping[str, str]) -> str:
    """Six hexadecimal digits that name a key in a table: the same everywhere, and different for different keys."""
    return _digits(tuple(key.items()))


@lru_cache(maxsize=1000)
def _digits(items: tuple[tuple[str, str], ...]) -> str:
    return sha256(repr(sorted(items)).encode()).hexdigest()[:6]
