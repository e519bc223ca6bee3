"""What changed from line to line."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from benchmarks.cases import parse_case
from benchmarks.harness.results.history import HistoryLine, history_line
from benchmarks.harness.results.history_changes import Change, changes
from samples import KILLED, speed_artifact

CASE = "psenet_sp_bs2_fp32_cpu1"
GOOD = history_line(speed_artifact(CASE), "speed", parse_case(CASE))
FAILED = history_line(speed_artifact(CASE, KILLED), "speed", parse_case(CASE), GOOD.machine)


def good(result: float, **changed: Any) -> HistoryLine:
    return structs.replace(GOOD, FINAL_RESULT=result, **changed)


def found(*lines: HistoryLine) -> list[Change]:
    return list(changes(lines))


def test_a_result_is_compared_with_the_last_good_one_of_its_case_and_measurement() -> None:
    other = good(50, case="psenet_sp_bs4_fp32_cpu1")
    memory = good(900, measurement="memory")
    percents = [each.percent for each in found(good(4), other, memory, FAILED, good(5), good(4))]
    assert percents == [None, None, None, None, pytest.approx(25), pytest.approx(-20)]


def test_a_machine_that_became_slower_is_seen_by_its_matrix_product() -> None:
    """Between the same two runs as the result, whatever ran between them."""
    lines = [good(4, matmul_tflops=2.0), good(9, case="another", matmul_tflops=9.0), good(3, matmul_tflops=1.5)]
    change = found(*lines)[-1]
    assert [change.percent, change.matmul_percent] == pytest.approx([-25, -25])
    assert found(good(4, matmul_tflops=None), good(4))[-1].matmul_percent is None
    assert found(good(4), good(4, matmul_tflops=None))[-1].matmul_percent is None


def test_a_disturbed_run_makes_the_change_doubtful() -> None:
    loud = good(3, machine_verdict="disturbed")
    assert [each.disturbed for each in found(good(4), loud, good(4), good(4))] == [False, True, True, False]


@pytest.mark.parametrize(
    ("changed", "there", "back"),
    [
        ({"machine": {**GOOD.machine, "cores": "64"}}, "cores 2 -> 64", "cores 64 -> 2"),
        ({"settings": {**GOOD.settings, "image_size": 640}}, "image size 320 -> 640", "image size 640 -> 320"),
    ],
)
def test_another_machine_or_setting_is_named_and_not_compared(changed: dict[str, Any], there: str, back: str) -> None:
    """But with the last run on the same one."""
    expected = [Change(), Change(conditions=(there,)), Change(25.0, conditions=(back,), matmul_percent=0.0)]
    assert found(good(4), good(9, **changed), good(5)) == expected


def test_another_version_is_named_and_compared_even_after_a_case_that_does_not_know_its_versions() -> None:
    newer = good(5, versions={**GOOD.versions, "torch": "2"}, suite_version="9.9.9")
    assert found(good(4), FAILED, newer)[1:] == [
        Change(),
        Change(25.0, conditions=("torch 1 -> 2", f"suite {GOOD.suite_version} -> 9.9.9"), matmul_percent=0.0),
    ]


@pytest.mark.parametrize("result", [0.0, 5e-324])
def test_a_result_without_a_finite_change_has_none(result: float) -> None:
    assert found(good(result), good(1e300))[1].percent is None


def test_lines_that_do_not_name_their_machine_are_not_compared() -> None:
    assert [each.percent for each in found(good(4, machine={}), good(5, machine={}))] == [None, None]
