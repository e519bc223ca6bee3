from __future__ import annotations

import os

import pytest

from benchmarks.harness.protocol import machine
from benchmarks.harness.protocol.control_groups import ControlGroups
from benchmarks.harness.protocol.machine import available_cores
from suite import ROOT


def test_the_root_is_the_checkout() -> None:
    assert machine.ROOT == ROOT


def test_a_process_may_use_at_least_one_core() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(("quota", "cores"), [(4.0, 4), (3.9, 3), (0.5, 1), (32.0, 16), (None, 16)])
def test_the_quota_of_the_control_groups_limits_the_cores(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, cores: int
) -> None:
    monkeypatch.setattr(ControlGroups, "quota_cores", lambda _: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert available_cores() == cores
