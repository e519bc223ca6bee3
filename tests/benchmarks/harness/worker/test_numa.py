"""On which machines the ranks are bound to the NUMA nodes of their GPUs: where torch can do it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.numa.binding import AffinityMode, NumaOptions

from benchmarks.harness.worker import agent
from benchmarks.harness.worker.numa import numa_options
from faked_sysfs import faked_sysfs
from samples import planned_run

GPUS, CPU = "psenet_mp_bs16_fp32_2", "psenet_mp_bs4_fp32_cpu2"
OWN = ",".join(map(str, os.sched_getaffinity(0)))
"""The cores of this process."""

ELSEWHERE = "9000-9003"


@pytest.fixture
def numactl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in PATH that has the program."""
    program = tmp_path / "bin" / "numactl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def options_of(case: str, folder: Path, **machine: Any) -> NumaOptions | None:
    return numa_options(planned_run(case).plan, faked_sysfs(folder / "sys", **machine))


@pytest.mark.usefixtures("numactl")
def test_ranks_are_bound_to_the_nodes_of_their_gpus(tmp_path: Path) -> None:
    found = options_of(GPUS, tmp_path, nodes={0: OWN, 1: ELSEWHERE}, gpus={"0000:3b:00.0": 0})
    assert found == NumaOptions(AffinityMode.NODE)


@pytest.mark.usefixtures("numactl")
@pytest.mark.parametrize(
    ("case", "machine"),
    [
        (CPU, {"nodes": {0: OWN, 1: ELSEWHERE}, "gpus": {"0000:3b:00.0": 0}}),
        (GPUS, {"nodes": {0: OWN}, "gpus": {"0000:3b:00.0": 0}}),
        (GPUS, {"nodes": {}, "gpus": {"0000:3b:00.0": 0}}),
        (GPUS, {"nodes": {0: OWN, 1: ""}, "gpus": {"0000:3b:00.0": 0}}),
        (GPUS, {"nodes": {0: OWN, 1: ELSEWHERE}, "gpus": {"0000:3b:00.0": -1}}),
        (GPUS, {"nodes": {0: OWN, 1: ELSEWHERE}, "gpus": {"0000:3b:00.0": 0, "0000:d8:00.0": 1}}),
        (GPUS, {"nodes": {0: OWN, 1: ELSEWHERE}, "gpus": {"0000:3b:00.0": 7}}),
        (GPUS, {"nodes": {0: OWN, 1: ELSEWHERE}, "gpus": {}}),
    ],
    ids=[
        "cpu case",
        "one node",
        "no nodes",
        "memory only",
        "no affinity",
        "cores not allowed",
        "no such node",
        "no gpu",
    ],
)
def test_a_machine_on_which_torch_could_not_bind_them_is_left_alone(
    tmp_path: Path, case: str, machine: dict[str, Any]
) -> None:
    assert options_of(case, tmp_path, **machine) is None


def test_without_numactl_the_train_log_says_why_they_are_not_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Torch would raise an error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    machine = {"nodes": {0: OWN, 1: ELSEWHERE}, "gpus": {"0000:3b:00.0": 0}}
    assert options_of(GPUS, tmp_path, **machine) is None
    expected = "the ranks are not bound to the NUMA nodes of their GPUs: numactl is not installed\n"
    assert capsys.readouterr().out == expected


def test_the_agent_starts_the_ranks_with_these_options(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = NumaOptions(AffinityMode.NODE)
    monkeypatch.setattr(agent, "numa_options", lambda plan: wanted)
    assert agent._config(planned_run().plan).numa_options is wanted


@pytest.mark.usefixtures("numactl")
def test_the_agent_makes_no_context_of_its_own_on_the_gpus(tmp_path: Path) -> None:
    """It asks sysfs: a CUDA context would take memory of every GPU."""
    options_of(GPUS, tmp_path, nodes={0: OWN, 1: ELSEWHERE}, gpus={"0000:3b:00.0": 0})
    assert not torch.cuda.is_initialized()
