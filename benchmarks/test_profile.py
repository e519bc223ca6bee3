"""The profile benchmark: where does the time of a case go? `pytest benchmarks -m profile`.

The path of a case is that of the speed benchmark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.cases import MATRIX, Case
from benchmarks.harness.controller.selection import parametrize
from benchmarks.harness.results.measurements import MEASUREMENTS

if TYPE_CHECKING:
    from benchmarks.harness.controller.session import BenchmarkSession


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, MATRIX)


@pytest.mark.profile
def test_profile(case: Case, ocr_session: BenchmarkSession, request: pytest.FixtureRequest) -> None:
    """The device of the case computes, and its artifact says what."""
    result = ocr_session.judge(MEASUREMENTS["profile"], case)
    request.node.user_properties.append(("busy_percent", result.artifact.FINAL_RESULT))
