"""NUMA nodes and GPUs of a machine, from a folder that looks like its sysfs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.protocol.numa import gpu_numa_nodes, numa_nodes
from faked_sysfs import faked_sysfs


def test_nodes_have_cores(tmp_path: Path) -> None:
    sysfs = faked_sysfs(tmp_path, nodes={0: "0-3,8", 1: "4-7", 12: "9"})
    assert numa_nodes(sysfs) == {0: {0, 1, 2, 3, 8}, 1: {4, 5, 6, 7}, 12: {9}}


def test_a_node_that_has_only_memory_is_left_out(tmp_path: Path) -> None:
    assert numa_nodes(faked_sysfs(tmp_path, nodes={0: "0-1", 1: ""})) == {0: {0, 1}}


@pytest.mark.parametrize("text", ["0-", "x", "0 1", "1,,2", "-3", "\x00"])
def test_what_is_no_list_of_cores_is_no_node(tmp_path: Path, text: str) -> None:
    assert numa_nodes(faked_sysfs(tmp_path, nodes={0: text})) == {}


def test_a_system_without_numa_has_no_nodes(tmp_path: Path) -> None:
    assert numa_nodes(tmp_path) == {}
    assert gpu_numa_nodes(tmp_path) == []


def test_this_machine_has_the_cores_of_this_process() -> None:
    nodes = numa_nodes()
    assert not nodes or os.sched_getaffinity(0) <= frozenset().union(*nodes.values())


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda folder: None, 1),
        (lambda folder: (folder / "numa_node").write_text("-1\n"), -1),
        (lambda folder: (folder / "numa_node").unlink(), -1),
        (lambda folder: (folder / "numa_node").write_text("no number"), -1),
    ],
)
def test_a_gpu_has_the_node_that_the_system_attributes_to_it(
    tmp_path: Path, spoil: Callable[[Path], object], expected: int
) -> None:
    sysfs = faked_sysfs(tmp_path, gpus={"0000:3b:00.0": 0, "0000:d8:00.0": 1})
    spoil(sysfs / "bus/pci/devices/0000:d8:00.0")
    assert gpu_numa_nodes(sysfs) == [0, expected]


def test_other_devices_are_no_gpus(tmp_path: Path) -> None:
    sysfs = faked_sysfs(tmp_path, gpus={"0000:3b:00.0": 0, "0000:3b:00.1": 1, "0000:01:00.0": 1})
    (sysfs / "bus/pci/devices/0000:3b:00.1/class").write_text("0x040300\n")  # the sound of a GPU
    (sysfs / "bus/pci/devices/0000:01:00.0/vendor").write_text("0x1a03\n")  # the display of a server
    assert gpu_numa_nodes(sysfs) == [0]
