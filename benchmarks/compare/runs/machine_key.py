"""The hardware and the driver on which figures were obtained, without anything that identifies one machine or person.

Figures are compared with stored ones only if these are the same. It is no proof: two machines of one kind have the same
key.
"""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from benchmarks.cases import Case
from benchmarks.compare.runs.details import at, has, number, text
from benchmarks.harness.controller.machine.nvml import answer, cards, initialised, is_partitioned
from benchmarks.harness.protocol.machine import available_cores, cpu_name
from benchmarks.harness.protocol.numa import numa_nodes
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.redaction import redact

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
    return _ordered(found)


def key_of_this_machine(case: Case) -> dict[str, str]:
    """The key of this machine, as far as a case uses it. What only the artifact of a run shows is left out: which GPUs
    it used if they are of several kinds or divided (MIG), and which cores if it is bound to those next to its GPU.
    """
    bound = case.gpu_count > 0 and len(numa_nodes()) > 1
    found: dict[str, str | None] = {
        "device": "gpu" if case.gpu_count else "cpu",
        "cpu": redact(cpu_name()),
        "cores": None if bound else str(available_cores()),
        "memory": memory(),
    }
    if case.gpu_count and initialised():
        names = {_text(answer("nvmlDeviceGetName", card)) for card in cards()}
        divided = any(is_partitioned(card) for card in cards())
        found["gpu"] = names.pop() if len(names) == 1 and not divided else None
        found["driver"] = _text(answer("nvmlSystemGetDriverVersion"))
    return _ordered(found)


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


def _ordered(found: Mapping[str, str | None]) -> dict[str, str]:
    return {name: printable_line(value) for name in FIELDS if (value := found.get(name))}


def _text(value: object) -> str | None:
    """Old versions of pynvml return bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None
