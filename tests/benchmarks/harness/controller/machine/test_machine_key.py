"""The key of this machine."""

from __future__ import annotations

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller.machine import machine_key as module
from benchmarks.harness.controller.machine.machine_key import key_of_this_machine
from benchmarks.harness.protocol.machine import available_cores, cpu_name
from benchmarks.harness.results.machine_key import differing, machine_key, memory, not_compared
from samples import document, speed_artifact

CPU_CASE = "psenet_sp_bs2_fp32_cpu1"
GPU_CASE = "psenet_mp_bs16_fp32_2"


def test_artifacts_and_this_machine_have_the_same_keys() -> None:
    details = document(
        speed_artifact(CPU_CASE),
        {"details.environment.cpu": cpu_name(), "details.environment.cores": available_cores()},
    )["details"]
    here = key_of_this_machine(parse_case(CPU_CASE))
    assert machine_key(details) | {"memory": memory()} == here
    assert differing(machine_key(details), here) == []
    assert not_compared(machine_key(details), here) == ["memory"]


def answers(names: list[object], divided: bool = False) -> dict[str, object]:
    found: dict[str, object] = {"initialised": lambda: True, "cards": lambda: iter(names)}
    found["is_partitioned"] = lambda card: divided
    found["answer"] = lambda name, card=None: b"580.1" if card is None else card
    return found


@pytest.mark.parametrize(
    ("names", "divided", "gpu"),
    [(["H100", "H100"], False, "H100"), (["H100", "L4"], False, None), (["H100"], True, None), ([], False, None)],
)
def test_gpus_of_this_machine_are_named_only_if_they_are_alike(
    names: list[object], divided: bool, gpu: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in answers(names, divided).items():
        monkeypatch.setattr(module, name, value)
    found = key_of_this_machine(parse_case(GPU_CASE))
    assert (found.get("gpu"), found["driver"], found["device"]) == (gpu, "580.1", "gpu")


def test_cores_of_a_gpu_case_are_known_from_its_artifact_if_it_is_bound_to_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "numa_nodes", lambda: {0: frozenset({0}), 1: frozenset({1})})
    assert "cores" not in key_of_this_machine(parse_case(GPU_CASE))
    assert "cores" in key_of_this_machine(parse_case(CPU_CASE))
