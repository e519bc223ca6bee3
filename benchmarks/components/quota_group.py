"""A control group with a CPU quota, for a while. It needs root, and a hierarchy that may be written."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PERIOD_US = 100_000
V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@contextmanager
def quota_group(pids: Sequence[int], cores: float) -> Iterator[None]:
    """Move processes into a group of their own. It is removed once they have ended, or have been moved back.

    Raises:
        OSError: if no group with a quota can be made here.
    """
    parent, limit = _hierarchy()
    group = parent / f"ocr-quota-{os.getpid()}"
    group.mkdir()
    try:
        quota = int(cores * PERIOD_US)
        (group / limit).write_text(str(quota) if limit == "cpu.cfs_quota_us" else f"{quota} {PERIOD_US}")
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        _remove(group)


def _hierarchy() -> tuple[Path, str]:
    """Where groups are made, and the file that limits them."""
    if (V1 / "cpu.cfs_quota_us").exists() or (V1 / "cgroup.procs").exists():
        return V1, "cpu.cfs_quota_us"
    if "cpu" in (V2 / "cgroup.subtree_control").read_text(encoding="ascii").split():
        return V2, "cpu.max"
    raise PermissionError("no control group with a CPU quota can be made: the cpu controller is not delegated")


def _remove(group: Path, attempts: int = 50) -> None:
    for _ in range(attempts):
        for pid in (group / "cgroup.procs").read_text(encoding="ascii").split():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                (group.parent / "cgroup.procs").write_text(pid)
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.1)
