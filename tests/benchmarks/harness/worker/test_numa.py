"""To which cores a rank binds itself, on machines whose sysfs is made up. The affinity is the real one of a process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.worker.numa import bind_to_gpu
from faked_sysfs import faked_sysfs

GPU, ADDRESS = "00000001:D8:02.0", "0001:d8:02.0"
OWN = sorted(os.sched_getaffinity(0))
ELSEWHERE = "9000-9003"

pytestmark = pytest.mark.skipif(len(OWN) < 2, reason="needs two cores")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Afterwards this process may use its cores again."""
    yield
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), OWN)


def test_a_rank_with_all_its_threads_and_children_is_bound_to_the_node_of_its_gpu(tmp_path: Path) -> None:
    nodes = {0: f"{OWN[0]}", 1: f"{OWN[1]},9000"}
    done = threading.Event()
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    bind_to_gpu(GPU, faked_sysfs(tmp_path, nodes, devices={"0000:d8:02.0": 0, ADDRESS: 1}))
    found = [os.sched_getaffinity(number or 0) for number in (0, thread.native_id)]
    done.set()
    thread.join()
    assert found == [{OWN[1]}, {OWN[1]}]
    child = [sys.executable, "-S", "-c", "import os; print(*os.sched_getaffinity(0))"]
    assert subprocess.check_output(child, text=True).split() == [str(OWN[1])]


@pytest.mark.parametrize(
    "machine",
    [
        {"nodes": {0: f"{OWN[0]}"}, "devices": {ADDRESS: 0}},
        {"nodes": {}, "devices": {ADDRESS: 0}},
        {"nodes": {0: f"{OWN[0]}", 1: ""}, "devices": {ADDRESS: 0}},
        {"nodes": {0: f"{OWN[0]}", 1: ELSEWHERE}, "devices": {ADDRESS: -1}},
        {"nodes": {0: f"{OWN[0]}", 1: ELSEWHERE}, "devices": {ADDRESS: 1}},
        {"nodes": {0: f"{OWN[0]}", 1: ELSEWHERE}, "devices": {ADDRESS: 7}},
        {"nodes": {0: f"{OWN[0]}", 1: ELSEWHERE}, "devices": {}},
    ],
    ids=["one node", "no nodes", "memory only", "no affinity", "cores not allowed", "no such node", "unknown"],
)
def test_a_rank_that_cannot_be_bound_keeps_its_cores(tmp_path: Path, machine: dict[str, Any]) -> None:
    bind_to_gpu(GPU, faked_sysfs(tmp_path, **machine))
    assert os.sched_getaffinity(0) == set(OWN)


def test_a_container_that_forbids_it_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(os, "sched_setaffinity", forbid)
        bind_to_gpu(GPU, faked_sysfs(tmp_path, {0: f"{OWN[0]}", 1: f"{OWN[1]}"}, devices={ADDRESS: 0}))
    assert os.sched_getaffinity(0) == set(OWN)
