"""The control groups of a process, v1 and v2 and both at once: CPU quota, throttling, freezer, pressure.

A limit of any ancestor applies to a process, so each figure is taken over the group and all its visible ancestors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

MAX_DIGITS = 20
UNIFIED = "unified"  # the v2 hierarchy, among the controllers of v1


@dataclass(frozen=True)
class Throttling:
    """How often and how long the CPU quota stopped the processes of a group, all CPUs together, since it was made."""

    periods: int
    throttled_periods: int
    throttled_seconds: float


@dataclass(frozen=True)
class ControlGroups:
    """The groups of one process.

    Attributes:
        folders: controller ("cpu", "freezer", ...; "unified" for v2) -> folders of the group and its ancestors, the
            innermost first.
    """

    folders: dict[str, tuple[Path, ...]]

    @classmethod
    def of(cls, pid: int | str = "self", proc: Path = Path("/proc")) -> ControlGroups:
        """Those that can be seen from here; none if the process is gone or the system has no control groups."""
        try:
            memberships = (proc / str(pid) / "cgroup").read_text(encoding="utf-8", errors="surrogateescape")
            return cls(_folders_by_controller(memberships, proc))
        except OSError:
            return cls({})

    def quota_cores(self) -> float | None:
        """Cores that the CPU quota allows: the least of all groups; None without a quota."""
        quotas = [_v1_quota(folder) for folder in self._of("cpu")] + [_v2_quota(folder) for folder in self._of(UNIFIED)]
        return min((quota for quota in quotas if quota is not None), default=None)

    def available_memory_bytes(self) -> int | None:
        """Memory that the groups' limits leave, what the page cache would give back included; None without a limit."""
        found = [_v1_memory(folder) for folder in self._of("memory")] + [_v2_memory(each) for each in self._of(UNIFIED)]
        return min((each for each in found if each is not None), default=None)

    def oom_kills(self) -> int | None:
        """Processes of the innermost group that counts them which the kernel has ended for want of memory; None if no
        group counts.
        """
        counts = [_key_values(folder / "memory.oom_control") for folder in self._of("memory")]
        counts += [_key_values(folder / "memory.events") for folder in self._of(UNIFIED)]
        return next((each["oom_kill"] for each in counts if "oom_kill" in each), None)

    def throttling(self) -> Throttling | None:
        """Sums over the groups, whether or not they have a quota now; None if none of them counts."""
        folders = [*self._of("cpu"), *self._of(UNIFIED)]
        found = [each for folder in folders if (each := _throttling(folder)) is not None]
        if not found:
            return None
        return Throttling(
            sum(each.periods for each in found),
            sum(each.throttled_periods for each in found),
            sum(each.throttled_seconds for each in found),
        )

    def is_frozen(self) -> bool:
        """Whether the freezer stops the processes of the group. The state of a group includes its ancestors."""
        v1 = any(_text(folder / "freezer.state") in ("FROZEN", "FREEZING") for folder in self._of("freezer")[:1])
        v2 = any(_key_values(folder / "cgroup.events").get("frozen") == 1 for folder in self._of(UNIFIED)[:1])
        return v1 or v2

    def pressure_file(self, resource: str) -> Path | None:
        """The group's own pressure ("cpu", "io", "memory"); None if it has none. That of the root is the system's."""
        for folder in self._of(UNIFIED)[:1]:
            file = folder / f"{resource}.pressure"
            if file.exists() and (folder / "cgroup.events").exists():  # which every group but the root has
                return file
        return None

    def _of(self, controller: str) -> tuple[Path, ...]:
        return self.folders.get(controller, ())


def oom_kills(proc: Path = Path("/proc")) -> int:
    """Processes that the kernel has ended for want of memory, since it began to count: those of the control group of
    this process, or of the system if no group counts.
    """
    own = ControlGroups.of("self", proc).oom_kills()
    return _key_values(proc / "vmstat").get("oom_kill", 0) if own is None else own


@dataclass(frozen=True)
class _Mount:
    controllers: frozenset[str]
    root: PurePosixPath
    point: Path


@cache
def _folders_by_controller(memberships: str, proc: Path) -> dict[str, tuple[Path, ...]]:
    """Computed once for each group: the mounts of a running system stay. Raises OSError without mountinfo."""
    mounted = list(_mounts((proc / "self" / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")))
    folders: dict[str, tuple[Path, ...]] = {}
    for line in memberships.splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        for controller in names.split(",") if names else [UNIFIED] if number == "0" else []:
            if found := _folders(path, [mount for mount in mounted if controller in mount.controllers]):
                folders[controller] = found
    return folders


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    """The mounted hierarchies. A line: `36 31 0:34 /root /mount/point options ... - cgroup source rw,cpu,cpuacct`."""
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields, system = before.split(), after.split()
        if not dash or len(fields) < 5 or not system or system[0] not in ("cgroup", "cgroup2"):
            continue
        options = system[2].split(",") if len(system) > 2 else []
        controllers = frozenset([UNIFIED]) if system[0] == "cgroup2" else frozenset(options)
        yield _Mount(controllers, PurePosixPath(_unescaped(fields[3])), Path(_unescaped(fields[4])))


def _folders(path: str, mounts: list[_Mount]) -> tuple[Path, ...]:
    """The folder of a group and those of its ancestors, up to the mount point.

    In a container the path may be that of the host, or one outside the namespace ("/../x"). Then the mount point is
    the best that is known: it is the container's own group.
    """
    group = PurePosixPath(path)
    for mount in sorted(mounts, key=lambda each: len(each.root.parts)):
        inside = group.is_relative_to(mount.root) and ".." not in group.parts
        folder = mount.point / group.relative_to(mount.root) if inside else mount.point
        between = len(folder.parts) - len(mount.point.parts)
        if found := [each for each in (folder, *list(folder.parents)[:between]) if each.is_dir()]:
            return tuple(found)
    return ()


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _v1_quota(folder: Path) -> float | None:
    quota, period = _integer(_text(folder / "cpu.cfs_quota_us")), _integer(_text(folder / "cpu.cfs_period_us"))
    return None if quota is None or period is None or quota <= 0 or period <= 0 else quota / period


def _v2_quota(folder: Path) -> float | None:
    quota, period = (*_text(folder / "cpu.max").split(), "", "")[:2]
    found, length = _integer(quota), _integer(period)
    return None if found is None or length is None or found <= 0 or length <= 0 else found / length


def _v1_memory(folder: Path) -> int | None:
    limit, used = (_integer(_text(folder / f"memory.{each}_in_bytes")) for each in ("limit", "usage"))
    return None if limit is None or used is None else limit - used + _page_cache(folder, "total_inactive_file")


def _v2_memory(folder: Path) -> int | None:
    limit, used = (_integer(_text(folder / f"memory.{each}")) for each in ("max", "current"))
    return None if limit is None or used is None else limit - used + _page_cache(folder, "inactive_file")


def _page_cache(folder: Path, name: str) -> int:
    return _key_values(folder / "memory.stat").get(name, 0)


def _throttling(folder: Path) -> Throttling | None:
    found = _key_values(folder / "cpu.stat")
    if "nr_throttled" not in found:
        return None
    seconds = found.get("throttled_time", 0) / 1e9 + found.get("throttled_usec", 0) / 1e6  # of v1 and of v2
    return Throttling(found.get("nr_periods", 0), found.get("nr_throttled", 0), seconds)


def _key_values(path: Path) -> dict[str, int]:
    """Lines of a word and a number."""
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: value for pair in pairs if len(pair) == 2 and (value := _integer(pair[1])) is not None}


def _integer(text: str) -> int | None:
    """None for what is not a number of the kernel's, which has 64 bits."""
    try:
        return int(text) if len(text) <= MAX_DIGITS else None
    except ValueError:
        return None


def _text(path: Path) -> str:
    """Of a small file; empty if it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
