"""The convergence benchmark: does a case, trained from random weights, reach its target? `pytest -m convergence`.

Speed counts only if the training is right. The path of a case is that of the speed benchmark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.cases import CONVERGENCE, Case
from benchmarks.harness.controller.selection import parametrize
from benchmarks.harness.results.measurements import MEASUREMENTS, convergence_goal

if TYPE_CHECKING:
    from benchmarks.harness.controller.session import BenchmarkSession


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, CONVERGENCE)


@pytest.mark.convergence
def test_convergence(case: Case, ocr_session: BenchmarkSession, request: pytest.FixtureRequest) -> None:
    """The case reaches its target on held-out samples, and its artifact says how soon."""
    result = ocr_session.judge(MEASUREMENTS["convergence"], case)
    request.node.user_properties.append((convergence_goal(case).metric, result.artifact.FINAL_RESULT))
