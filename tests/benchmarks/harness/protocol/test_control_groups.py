"""Control groups of v1, v2 and both, from folders that look like /proc and /sys/fs/cgroup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.protocol.control_groups import ControlGroups, Throttling, oom_kills

PID = 42
V1_CPU, V1_FREEZER, V2 = "cgroup cgroup rw,cpu,cpuacct", "cgroup cgroup rw,freezer", "cgroup2 cgroup2 rw"


@dataclass(frozen=True)
class System:
    """A made-up /proc and /sys/fs/cgroup below a folder."""

    root: Path

    def mounts(self, *mounts: tuple[str, str, str]) -> None:
        """(root of the mount, mount point below the folder, file system)."""
        lines = [
            f"{30 + n} 25 0:{n} {top} {self._escaped(point)} rw - {system}"
            for n, (top, point, system) in enumerate(mounts)
        ]
        self.write("proc/self/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n" + "\n".join(lines) + "\n")

    def _escaped(self, point: str) -> str:
        return str(self.root / point).replace(" ", r"\040")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def v1_quota(self, folder: str, quota: int, period: int = 100_000) -> None:
        self.write(f"{folder}/cpu.cfs_quota_us", f"{quota}\n")
        self.write(f"{folder}/cpu.cfs_period_us", f"{period}\n")

    def groups(self, membership: str) -> ControlGroups:
        self.write(f"proc/{PID}/cgroup", membership)
        return ControlGroups.of(PID, self.root / "proc")


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


# v1


def test_the_least_quota_of_a_v1_group_and_its_ancestors_counts(system: System) -> None:
    system.mounts(("/", "cg/cpu", V1_CPU))
    system.v1_quota("cg/cpu", -1)
    system.v1_quota("cg/cpu/outer", 150_000)
    system.v1_quota("cg/cpu/outer/inner", 400_000)
    assert system.groups("4:memory:/elsewhere\n2:cpu,cpuacct:/outer/inner\n").quota_cores() == 1.5
    assert system.groups("2:cpu,cpuacct:/\n").quota_cores() is None


def test_throttling_is_summed_over_a_group_and_its_ancestors(system: System) -> None:
    system.mounts(("/", "cg/cpu", V1_CPU))
    for folder in ("cg/cpu/a", "cg/cpu/a/b"):
        system.write(f"{folder}/cpu.stat", "nr_periods 100\nnr_throttled 40\nthrottled_time 2500000000\n")
    assert system.groups("2:cpu,cpuacct:/a/b/c\n").throttling() == Throttling(200, 80, 5.0)
    assert system.groups("2:cpu,cpuacct:/\n").throttling() is None


@pytest.mark.parametrize(("state", "frozen"), [("FROZEN", True), ("FREEZING", True), ("THAWED", False), ("", False)])
def test_the_v1_freezer(system: System, state: str, frozen: bool) -> None:
    system.mounts(("/", "cg/freezer", V1_FREEZER))
    system.write("cg/freezer/a/freezer.state", f"{state}\n")
    assert system.groups("6:freezer:/a\n").is_frozen() is frozen


def test_a_container_without_a_namespace_sees_the_path_of_the_host(system: System) -> None:
    system.mounts(("/docker/0a", "cg/cpu", V1_CPU))
    system.v1_quota("cg/cpu", 200_000)
    system.v1_quota("cg/cpu/sub", 50_000)
    assert system.groups("2:cpu,cpuacct:/docker/0a\n").quota_cores() == 2
    assert system.groups("2:cpu,cpuacct:/docker/0a/sub\n").quota_cores() == 0.5
    assert system.groups("2:cpu,cpuacct:/kubepods/pod/0b\n").quota_cores() == 2  # its own group, under another name


# v2


def test_the_least_quota_of_a_v2_group_and_its_ancestors_counts(system: System) -> None:
    system.mounts(("/", "cg", V2))
    system.write("cg/user/cpu.max", "300000 100000\n")
    system.write("cg/user/app/cpu.max", "max 100000\n")
    system.write("cg/user/app/leaf/cpu.max", "800000 200000\n")
    assert system.groups("0::/user/app/leaf\n").quota_cores() == 3
    assert system.groups("0::/user/app\n").quota_cores() == 3
    assert system.groups("0::/\n").quota_cores() is None


def test_a_v2_group_counts_throttling_in_microseconds(system: System) -> None:
    system.mounts(("/", "cg", V2))
    system.write("cg/a/cpu.stat", "usage_usec 9\nnr_periods 10\nnr_throttled 9\nthrottled_usec 450000\n")
    assert system.groups("0::/a\n").throttling() == Throttling(10, 9, 0.45)


def test_the_v2_freezer(system: System) -> None:
    system.mounts(("/", "cg", V2))
    system.write("cg/a/cgroup.events", "populated 1\nfrozen 1\n")
    assert system.groups("0::/a\n").is_frozen()
    system.write("cg/a/cgroup.events", "populated 1\nfrozen 0\n")
    assert not system.groups("0::/a\n").is_frozen()


def test_a_group_has_its_own_pressure_and_the_root_has_that_of_the_system(system: System) -> None:
    system.mounts(("/", "cg", V2))
    system.write("cg/cpu.pressure", "some avg10=0 total=0\n")
    system.write("cg/a/cpu.pressure", "some avg10=0 total=0\n")
    system.write("cg/a/cgroup.events", "populated 1\n")
    assert system.groups("0::/a\n").pressure_file("cpu") == system.root / "cg/a/cpu.pressure"
    assert system.groups("0::/a\n").pressure_file("io") is None
    assert system.groups("0::/\n").pressure_file("cpu") is None


# both, and neither


def test_a_hybrid_system_may_limit_in_either_hierarchy(system: System) -> None:
    system.mounts(("/", "cg/unified", V2), ("/", "cg/cpu", V1_CPU), ("/", "cg/freezer", V1_FREEZER))
    system.v1_quota("cg/cpu/a", 250_000)
    system.write("cg/unified/b/cpu.max", "150000 100000\n")
    system.write("cg/freezer/c/freezer.state", "FROZEN\n")
    membership = "6:freezer:/{}\n2:cpu,cpuacct:/{}\n1:name=systemd:/\n0::/{}\n"
    assert system.groups(membership.format("", "a", "b")).quota_cores() == 1.5
    assert system.groups(membership.format("", "a", "")).quota_cores() == 2.5
    assert system.groups(membership.format("c", "", "")).is_frozen()
    assert not system.groups(membership.format("", "a", "b")).is_frozen()


def test_a_group_outside_the_namespace_is_taken_for_the_mounted_one(system: System) -> None:
    system.mounts(("/", "cg", V2))
    system.write("cg/cpu.max", "100000 100000\n")
    for path in ("/../sibling", "/gone", "/a:b"):
        assert system.groups(f"0::{path}\n").quota_cores() == 1


def test_a_mount_point_and_a_group_may_have_blanks_and_colons(system: System) -> None:
    system.mounts(("/", "c g/unified", V2))
    system.write("c g/unified/a:b c/cpu.max", "150000 100000\n")
    assert system.groups("0::/a:b c\n").quota_cores() == 1.5


@pytest.mark.parametrize("quota", ["", "max", "100000", "x y", "0 100000", "-1 100000", "100000 0", "9" * 400 + " 1 1"])
def test_a_quota_that_cannot_be_read_is_none(system: System, quota: str) -> None:
    system.mounts(("/", "cg", V2))
    system.write("cg/a/cpu.max", quota)
    assert system.groups("0::/a\n").quota_cores() is None


@pytest.mark.parametrize("membership", ["", "\n", "garbage\n", "::\n", "0:\n", "2:cpu:/a\n"])
def test_what_is_not_there_limits_nothing(system: System, membership: str) -> None:
    system.mounts()
    groups = system.groups(membership)
    assert (groups.quota_cores(), groups.throttling(), groups.is_frozen()) == (None, None, False)
    assert ControlGroups.of(43, system.root / "proc") == ControlGroups({})
    assert ControlGroups.of(PID, system.root / "nowhere") == ControlGroups({})


def test_this_process_has_groups_that_can_be_read() -> None:
    groups = ControlGroups.of()
    assert groups.quota_cores() is None or groups.quota_cores() > 0  # type: ignore[operator]
    assert not groups.is_frozen()


# the out-of-memory killer


def test_processes_that_the_kernel_ended_are_those_of_the_group_in_v1_and_v2(system: System) -> None:
    system.mounts(("/", "cg/memory", "cgroup cgroup rw,memory"), ("/", "cg/v2", V2))
    system.write("cg/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    system.write("cg/v2/b/memory.events", "low 0\nmax 9\noom 1\noom_kill 3\noom_group_kill 0\n")
    assert system.groups("4:memory:/a\n").oom_kills() == 2
    assert system.groups("0::/b\n").oom_kills() == 3
    assert system.groups("0::/elsewhere\n").oom_kills() is None


def test_without_a_group_that_counts_those_of_the_system_count(system: System) -> None:
    system.mounts(("/", "cg/v2", V2))
    system.write("proc/self/cgroup", "0::/\n")
    system.write("proc/vmstat", "pgfault 7\noom_kill 4\n")
    system.write("cg/v2/memory.events", "max 9\n")
    assert oom_kills(system.root / "proc") == 4
    system.write("cg/v2/memory.events", "oom_kill 1\n")
    assert oom_kills(system.root / "proc") == 1
