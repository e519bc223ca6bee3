"""The search for the largest batch of a case that fits into memory. `pytest -m largest_batch`.

Each try is a run of a few steps, in processes of its own. The path of a try is that of the speed benchmark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.cases import LARGEST_BATCH, Case
from benchmarks.harness.controller.selection import parametrize
from benchmarks.harness.results.measurements import MEASUREMENTS

if TYPE_CHECKING:
    from benchmarks.harness.controller.session import BenchmarkSession


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, LARGEST_BATCH)


@pytest.mark.largest_batch
def test_largest_batch(case: Case, ocr_session: BenchmarkSession, request: pytest.FixtureRequest) -> None:
    """The artifact says which batch is the largest that trains, and what each try has shown."""
    result = ocr_session.judge(MEASUREMENTS["largest_batch"], case)
    request.node.user_properties.append(("largest_batch", result.artifact.FINAL_RESULT))
