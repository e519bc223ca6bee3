"""The speed benchmark: train each case for its steps, time them, and leave a speed JSON.

The way of a case: `cases.MATRIX` -> `test_speed[case]` -> `launch` -> a process per rank -> records -> the speed JSON,
checked against its schema -> pytest-benchmark -> the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.cases import Case
from benchmarks.harness.gpus import cuda_gpu_count
from benchmarks.harness.options import selected_cases
from benchmarks.harness.progress import failure_line
from benchmarks.harness.replay import ReplayClock

if TYPE_CHECKING:
    from benchmarks.harness.session import SpeedSession

CLOCK = ReplayClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases = selected_cases(metafunc.config)
    metafunc.parametrize(
        "case", [pytest.param(case, id=str(case), marks=getattr(pytest.mark, case.marker)) for case in cases]
    )


@pytest.mark.benchmark(group="speed", timer=CLOCK)
def test_speed(case: Case, speed_session: SpeedSession, record_property: Any, benchmark: Any) -> None:
    """The case trains, and its artifact says how fast."""
    nodes = speed_session.settings.nodes.count
    if case.processes % nodes:
        pytest.skip(f"{case.processes} processes cannot be divided among {nodes} nodes")
    needed = case.gpu_count // nodes
    if needed > (found := cuda_gpu_count() if needed else 0):
        pytest.skip(
            f"needs {needed} CUDA GPU{'s' if needed > 1 else ''}{' a node' if nodes > 1 else ''}, found {found}"
        )
    measurement = speed_session.measure(case)
    if measurement.interrupted:
        raise KeyboardInterrupt(str(case))
    if measurement.failed:
        pytest.fail(f"{failure_line(measurement.document)} [{measurement.path.name}]", pytrace=False)
    document = measurement.document
    benchmark.extra_info.update(
        case=str(case), samples_per_second=document["FINAL_RESULT"], details=document["details"]
    )
    record_property("samples_per_second", document["FINAL_RESULT"])
    CLOCK.replay(benchmark, measurement.step_seconds)
