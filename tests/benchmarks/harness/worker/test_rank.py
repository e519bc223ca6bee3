"""Which failure a rank reports. Whole ranks run in `tests/end_to_end`."""

from __future__ import annotations

from typing import cast

import pytest

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement
from benchmarks.harness.worker.group import Group
from benchmarks.harness.worker.rank import _failure, load_measure
from benchmarks.harness.worker.speed import measure_speed


class FakeGroup:
    """A group in which another rank may have published a failure."""

    def __init__(self, other: Failure | None = None) -> None:
        self.other, self.published = other, list[Failure]()

    def publish_failure(self, failure: Failure) -> None:
        self.published.append(failure)

    def published_failure(self) -> Failure | None:
        return self.other


def failure(error: Exception, group: FakeGroup | None, nodes: int = 1) -> Failure:
    return _failure(error, Position(3, "backward"), cast("Group | None", group), rank=1, nodes=nodes)


OWN = Failure("exception", "ValueError: a bug", 1)
LOST = RuntimeError("[gloo/pair.cc:534] Connection closed by peer")


def test_a_rank_reports_and_publishes_its_own_failure() -> None:
    group = FakeGroup()
    assert failure(ValueError("a bug"), group) == OWN
    assert group.published == [OWN]


def test_a_rank_that_failed_before_it_met_the_others_reports_its_own_failure() -> None:
    assert failure(ValueError("a bug"), None) == OWN


def test_the_failure_of_another_rank_is_the_cause() -> None:
    cause = Failure("data", "truncated", 0)
    assert failure(LOST, FakeGroup(cause)) == cause


def test_a_rank_that_is_gone_without_a_report_was_killed_if_it_is_on_another_node() -> None:
    """The agent sees the ranks of its own node end."""
    found = failure(LOST, FakeGroup(), nodes=2)
    assert (found.kind, found.rank) == ("killed", None)
    assert found.message.startswith("a rank on another node is gone: RuntimeError: [gloo/pair.cc:534]")
    assert failure(LOST, FakeGroup()).kind == "exception"
    assert failure(ValueError("a bug"), FakeGroup(), nodes=2) == OWN


@pytest.mark.parametrize("measurement", MEASUREMENTS.values(), ids=list(MEASUREMENTS))
def test_the_function_of_a_measurement_is_loaded_by_its_name(measurement: Measurement) -> None:
    assert callable(load_measure(measurement.run_in_rank))
    assert load_measure("benchmarks.harness.worker.speed:measure_speed") is measure_speed
