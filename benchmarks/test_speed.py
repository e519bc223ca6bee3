"""The speed benchmark: train each case, time its steps, write a speed JSON. `pytest benchmarks -m single_gpu`.

`benchmarks/harness/__init__.py` draws the path of a case from here to its artifact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.cases import MATRIX, Case
from benchmarks.harness.controller.selection import parametrize
from benchmarks.harness.report.pytest_benchmark import ReplayClock
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.store import to_document

if TYPE_CHECKING:
    from benchmarks.compare.pytest_form import Comparisons
    from benchmarks.harness.controller.session import BenchmarkSession

CLOCK = ReplayClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, MATRIX)


@pytest.mark.speed
@pytest.mark.benchmark(group="speed", timer=CLOCK)
def test_speed(case: Case, ocr_comparisons: Comparisons | None, request: pytest.FixtureRequest, benchmark: Any) -> None:
    """The case trains, and its artifact says how fast. With --ocr-compare it is no slower than another side."""
    if ocr_comparisons is not None:
        ocr_comparisons.judge(case, request.node)
        return
    ocr_session: BenchmarkSession = request.getfixturevalue("ocr_session")  # holds the output folder
    result = ocr_session.judge(MEASUREMENTS["speed"], case)
    rate = result.artifact.FINAL_RESULT
    details = to_document(result.artifact)["details"]
    benchmark.extra_info.update(case=str(case), samples_per_second=rate, details=details)
    request.node.user_properties.append(("samples_per_second", rate))  # record_property is gone with -p no:junitxml
    if details["source"] == "light_run":
        request.node.user_properties.append(("light", "yes"))  # what reads the report should not take it for a full one
    CLOCK.replay(benchmark, result.step_seconds)
