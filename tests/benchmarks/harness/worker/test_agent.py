"""The agent's own part: when its ranks ended, and why the nodes did not meet."""

from __future__ import annotations

import subprocess
import time

import pytest
from msgspec import structs
from torch.distributed.elastic.rendezvous import RendezvousConnectionError, RendezvousError, RendezvousTimeoutError

from benchmarks.harness.worker.agent import ChildEnds, _rendezvous_reason
from samples import planned_run


def test_the_end_of_a_rank_is_known_without_the_systems_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = ChildEnds()
    with subprocess.Popen(["sleep", "60"]) as early, subprocess.Popen(["sleep", "60"]) as late:
        ends.look()
        early.kill()
        early.wait()
        ends.look()
        seen = time.monotonic()
        monkeypatch.setattr(time, "time", lambda: 0.0)
        late.kill()
    assert ends.time_of(early.pid) <= seen <= ends.time_of(late.pid) <= time.monotonic()
    ends.look()
    assert ends.time_of(early.pid) <= seen


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RendezvousTimeoutError(), "not all 2 nodes came to head:29400 within 360 s"),
        (RendezvousTimeoutError("too late"), "RendezvousTimeoutError: too late"),
        (RendezvousConnectionError("refused\nby the store"), "RendezvousConnectionError: refused"),
        (RendezvousConnectionError(), "RendezvousConnectionError without a message"),
    ],
)
def test_nodes_that_do_not_meet_always_have_a_reason(error: RendezvousError, expected: str) -> None:
    plan = structs.replace(planned_run().plan, nodes=2, rendezvous_endpoint="head:29400", timeout_seconds=900)
    assert _rendezvous_reason(error, plan) == expected
