"""NUMA nodes and GPUs of a machine, from a folder that looks like its sysfs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.harness.protocol.numa import device_node, numa_nodes
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
    assert device_node("0000:3b:00.0", tmp_path) == -1


def test_this_machine_has_the_cores_of_this_process() -> None:
    nodes = numa_nodes()
    assert not nodes or os.sched_getaffinity(0) <= frozenset().union(*nodes.values())


@pytest.mark.parametrize(
    ("text", "expected"), [("1\n", 1), ("12", 12), ("-1\n", -1), ("", -1), ("no number", -1), ("9" * 5000, -1)]
)
def test_a_device_has_the_node_that_the_system_attributes_to_it(tmp_path: Path, text: str, expected: int) -> None:
    sysfs = faked_sysfs(tmp_path, devices={"0000:3b:00.0": 0, "0000:d8:00.0": 1})
    (sysfs / "bus/pci/devices/0000:d8:00.0/numa_node").write_text(text)
    assert device_node("0000:3b:00.0", sysfs) == 0
    assert device_node("00010000:3B:00.0", sysfs) == -1  # of another domain
    assert device_node("0000:d8:00.0", sysfs) == device_node("00000000:D8:00.0", sysfs) == expected
    assert device_node("0000:01:00.0", sysfs) == device_node("", sysfs) == -1
