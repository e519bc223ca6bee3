from __future__ import annotations

import pytest

from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.results.checks.ranks import disagreement, wrong_result
from samples import rank_result, reference_check, step_record


def result(rank: int, losses: tuple[float, ...], checksum: str = "a") -> RankResult:
    records = [step_record(i + 1, warmup=i == 0, loss=loss) for i, loss in enumerate(losses)]
    return rank_result(rank, records, parameters_sha256=checksum)


def test_ranks_that_agree_pass() -> None:
    assert disagreement([result(0, (1.0, 0.9)), result(1, (1.1, 0.8))]) is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (result(1, (1.1, 0.8, 0.7)), "rank 1 measured 2 steps, rank 0 1"),
        (result(1, (1.1, 0.8), "b"), "the parameters of rank 1 differ from those of rank 0"),
    ],
)
def test_ranks_that_differ_in_steps_or_parameters_fail(other: RankResult, message: str) -> None:
    found = disagreement([result(0, (1.0, 0.9)), other])
    assert found is not None
    assert (found.kind, found.rank) == ("rank_mismatch", 1)
    assert message in found.message


def test_a_loss_that_never_changes_fails() -> None:
    found = disagreement([result(0, (0.5, 0.5, 0.5))])
    assert found is not None
    assert (found.kind, found.rank) == ("constant_loss", 0)


def test_one_step_cannot_show_a_change() -> None:
    assert disagreement([result(0, (0.5,))]) is None


def test_a_right_step_and_a_model_without_figures_pass() -> None:
    assert wrong_result(reference_check(loss=0.4879, gradient_norm=3.0)) is None
    assert wrong_result(None) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"loss": 0.51},
            "the loss of a step on fixed weights and images is 0.51 instead of 0.487516: 4.6% off, at most 0.1% is "
            "allowed",
        ),
        ({"loss_text": 0.41}, "the loss_text of a step"),
        ({"gradient_norm": 7.0}, "the gradient_norm of a step"),
        (
            {"gradient_norm": None},
            "the gradient_norm of a step on fixed weights and images is missing or not finite instead of 2.99417",
        ),
        ({"targets": 2.667}, "the targets of a step on fixed weights and images is 2.667 instead of 2.66655"),
        ({"parameters": 190}, "190 of 192 parameters get a gradient: a part of the model is not trained"),
    ],
)
def test_a_wrong_step_is_described_in_one_line(changed: dict[str, float | None], message: str) -> None:
    found = wrong_result(reference_check(**changed))
    assert found is not None
    assert message in found
    assert "\n" not in found
