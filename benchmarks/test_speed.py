"""The speed benchmark: train each case for its steps, time them, and leave a speed JSON.

The way of a case: `cases.MATRIX` -> `test_speed[case]` -> `launch` -> a process per rank -> records -> the speed JSON,
checked against its schema -> pytest-benchmark -> the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.cases import Case
from benchmarks.harness.options import selected_cases
from benchmarks.harness.replay import ReplayClock

if TYPE_CHECKING:
    from benchmarks.harness.session import Session

CLOCK = ReplayClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases = selected_cases(metafunc.config)
    metafunc.parametrize(
        "case", [pytest.param(case, id=str(case), marks=getattr(pytest.mark, case.marker)) for case in cases]
    )


@pytest.mark.benchmark(group="speed", timer=CLOCK)
def test_speed(case: Case, ocr_session: Session, record_property: Any, benchmark: Any) -> None:
    """The case trains, and its artifact says how fast."""
    measurement = ocr_session.judge(case)
    document = measurement.document
    benchmark.extra_info.update(
        case=str(case), samples_per_second=document["FINAL_RESULT"], details=document["details"]
    )
    record_property("samples_per_second", document["FINAL_RESULT"])
    CLOCK.replay(benchmark, measurement.step_seconds)
