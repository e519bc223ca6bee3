"""The key of this machine (`results/machine_key.py`), as far as it is known without a run."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.harness.controller.machine.nvml import answer, cards, initialised, is_partitioned
from benchmarks.harness.protocol.machine import available_cores, cpu_name
from benchmarks.harness.protocol.numa import numa_nodes
from benchmarks.harness.results.machine_key import memory, ordered
from benchmarks.harness.results.redaction import redact


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
    return ordered(found)


def _text(value: object) -> str | None:
    """Old versions of pynvml return bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None
