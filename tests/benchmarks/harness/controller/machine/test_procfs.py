"""Figures of /proc, from made-up files and of this very process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness.controller.machine import procfs
from benchmarks.harness.controller.machine.procfs import CpuTimes

STAT = """cpu  9 9 9 9 9 9 9 9 9 9
cpu0 100 20 30 400 50 6 7 8 3 0
cpu1 200 0 0 300 0 0 0 40 0 0
cpu10 900 0 0 0 0 0 0 0 0 0
intr 12345
"""


def test_the_times_of_some_cores(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    found = procfs.cpu_times({0, 1}, tmp_path)
    assert found == CpuTimes(busy=363 / procfs.TICKS, idle=700 / procfs.TICKS, iowait=0.5, steal=48 / procfs.TICKS)


@pytest.mark.parametrize("text", ["", "cpu0 1 2\n", "intr 0\n", "\n"])
def test_cores_that_are_not_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "stat").write_text(text)
    assert procfs.cpu_times({0}, tmp_path) is None


def test_pressure_is_read_from_its_totals(tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text("some avg10=1.4 avg60=1.1 avg300=5.9 total=2500000\nfull avg10=0.0 total=500000\n")
    assert procfs.pressure_seconds(tmp_path / "cpu") == (2.5, 0.5)
    (tmp_path / "old").write_text(
        "some avg10=1.4 avg60=1.1 avg300=5.9 total=2500000\n"
    )  # without full, as for cpu once
    assert procfs.pressure_seconds(tmp_path / "old") == (2.5, 0.0)
    for text in ("", "some\n", "some total=x\n", "full total=3\n"):
        (tmp_path / "bad").write_text(text)
        assert procfs.pressure_seconds(tmp_path / "bad") is None
    assert procfs.pressure_seconds(tmp_path / "none") is None


def test_the_name_of_a_process_may_contain_anything(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    fields = " ".join(map(str, range(5, 53)))  # from the group on
    (tmp_path / "7" / "stat").write_text(f"7 (a) R 1 (b) T 3 {fields}\n")
    found = procfs.process_times(7, tmp_path)
    assert found is not None
    assert (found.state, found.major_faults) == ("T", 12)
    assert found.own_cpu_seconds == pytest.approx((14 + 15) / procfs.TICKS)
    assert found.cpu_seconds == pytest.approx((14 + 15 + 16 + 17) / procfs.TICKS)
    assert procfs.process_times(8, tmp_path) is None


def test_a_process_counts_its_ended_children() -> None:
    before = procfs.process_times(os.getpid())
    subprocess.run([sys.executable, "-c", "for _ in range(3_000_000): pass"], check=True)
    after = procfs.process_times(os.getpid())
    assert before is not None
    assert after is not None
    assert after.cpu_seconds > before.cpu_seconds


def test_the_tree_of_a_process_and_its_switches() -> None:
    command = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE) as process:
        while len(tree := procfs.process_tree(process.pid)) < 2:
            assert process.poll() is None
        assert tree[0] == process.pid
        assert set(tree) <= set(procfs.process_tree(os.getpid()))
        assert procfs.involuntary_switches(process.pid) >= 0
        assert process.stdin is not None
        process.stdin.close()
    assert procfs.process_tree(process.pid) == [process.pid]
    assert procfs.involuntary_switches(process.pid) == 0


def test_what_the_machine_reports_of_itself(tmp_path: Path) -> None:
    assert procfs.load_average() is not None
    assert procfs.load_average(tmp_path) is None
    assert procfs.swapped_in_bytes(tmp_path) is None
    (tmp_path / "vmstat").write_text("nr_free_pages 1\npswpin 3\npswpout 9\n")
    assert procfs.swapped_in_bytes(tmp_path) == 3 * procfs.PAGE_BYTES
