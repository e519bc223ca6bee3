"""The memory benchmark: how much memory does a case need, and for what? `pytest benchmarks -m memory`.

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


@pytest.mark.memory
def test_memory(case: Case, ocr_session: BenchmarkSession, request: pytest.FixtureRequest) -> None:
    """The case trains, and its artifact says how much memory that takes."""
    result = ocr_session.judge(MEASUREMENTS["memory"], case)
    request.node.user_properties.append(("peak_mebibytes", result.artifact.FINAL_RESULT))
