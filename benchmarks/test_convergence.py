"""The convergence benchmark: does a case, trained from random weights, come to find text? `pytest -m convergence`.

Speed counts only if the training is right. The way of a case is that of the speed benchmark, with the finding of texts
on held-out images in the place of the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.cases import ConvergenceCase
from benchmarks.harness.options import selected_convergence_cases

if TYPE_CHECKING:
    from benchmarks.harness.session import Session


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("case", selected_convergence_cases(metafunc.config), ids=str)


@pytest.mark.convergence
def test_convergence(case: ConvergenceCase, ocr_session: Session, record_property: Any) -> None:
    """The case comes to find texts on images it has not seen, and its artifact says how soon."""
    if ocr_session.settings.nodes.count > 1:
        pytest.skip("convergence cases run on one node")
    document = ocr_session.judge(case).document
    record_property(document["convergence_key"], document["convergence_value"])
