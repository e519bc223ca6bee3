from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.events import RankEvents
from benchmarks.harness.failures import cause_of_failure, disagreement, wrong_result
from benchmarks.harness.records import Failure, RankResult, StepRecord


def rank(number: int, *, failure: Failure | None = None, at: float = 0.0, done: bool = False) -> RankEvents:
    results = [RankResult(number, 1.0, ())] if done else []
    return RankEvents(number, failure=failure, failure_time=at, results=results)


def agent_saw(folder: Path, *failures: tuple[int, int, float]) -> None:
    seen = [{"rank": rank, "exit_code": code, "time": time} for rank, code, time in failures]
    (folder / "agent.json").write_text(json.dumps(seen))


def test_all_ended_well(tmp_path: Path) -> None:
    assert cause_of_failure([rank(0, done=True), rank(1, done=True)], tmp_path, 0) is None


def test_the_first_exception_is_the_cause(tmp_path: Path) -> None:
    first, second = Failure("data", "truncated", 1), Failure("exception", "connection closed", 0)
    agent_saw(tmp_path, (0, 1, 20.0), (1, 1, 20.0))
    ranks = [rank(0, failure=second, at=11.0), rank(1, failure=first, at=10.0)]
    assert cause_of_failure(ranks, tmp_path, 1) == first


def test_a_killed_rank_is_the_cause_though_another_noticed_first(tmp_path: Path) -> None:
    agent_saw(tmp_path, (1, -signal.SIGKILL, 20.0), (0, 1, 19.0))
    ranks = [rank(0, failure=Failure("exception", "connection closed by peer", 0), at=10.0), rank(1)]
    found = cause_of_failure(ranks, tmp_path, 1)
    assert found is not None
    assert (found.kind, found.rank) == ("killed", 1)
    assert "SIGKILL" in found.message


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGABRT, 1.0), (signal.SIGKILL, 31.0)],
    ids=["NCCL aborts for want of the others", "the agent kills what does not end"],
)
def test_a_signal_that_follows_from_a_told_failure_is_no_cause(
    tmp_path: Path, number: signal.Signals, seconds: float
) -> None:
    told = Failure("non_finite_loss", "loss is nan at step 4", 1)
    agent_saw(tmp_path, (0, -number, 10.0 + seconds), (1, 1, 10.0))
    assert cause_of_failure([rank(0), rank(1, failure=told, at=10.0)], tmp_path, 1) == told


def test_a_rank_that_aborts_without_a_word_is_killed(tmp_path: Path) -> None:
    agent_saw(tmp_path, (0, -signal.SIGABRT, 10.0))
    found = cause_of_failure([rank(0)], tmp_path, 1)
    assert found is not None
    assert (found.kind, found.rank) == ("killed", 0)


def test_a_rank_ended_by_the_agent_is_no_cause(tmp_path: Path) -> None:
    agent_saw(tmp_path, (1, -signal.SIGTERM, 19.0))
    cause = Failure("exception", "a bug", 0)
    assert cause_of_failure([rank(0, failure=cause, at=10.0), rank(1)], tmp_path, 1) == cause


@pytest.mark.parametrize(
    ("exit_code", "kind", "message"),
    [
        (-signal.SIGKILL, "killed", "the launcher of the ranks was killed by SIGKILL"),
        (1, "exception", "the launcher of the ranks ended with exit code 1"),
        (0, "exception", "rank 0 ended without a result"),
    ],
)
def test_nothing_fails_in_silence(tmp_path: Path, exit_code: int, kind: str, message: str) -> None:
    found = cause_of_failure([rank(0)], tmp_path, exit_code)
    assert found is not None
    assert found.kind == kind
    assert message in found.message


def test_a_rank_that_is_ended_from_outside_is_killed(tmp_path: Path) -> None:
    agent_saw(tmp_path, (0, -signal.SIGTERM, 19.0))
    found = cause_of_failure([rank(0)], tmp_path, 1)
    assert found is not None
    assert (found.kind, found.message, found.rank) == ("killed", "rank 0 was ended by SIGTERM", 0)


def test_an_exit_without_a_word_is_told_with_its_code(tmp_path: Path) -> None:
    agent_saw(tmp_path, (0, 7, 19.0))
    found = cause_of_failure([rank(0)], tmp_path, 1)
    assert found is not None
    assert (found.kind, found.rank) == ("exception", 0)
    assert "exit code 7" in found.message


def result(number: int, losses: tuple[float, ...], checksum: str = "a") -> RankResult:
    records = tuple(StepRecord(i, i == 0, 1.0, 0.0, None, 2, {"loss": loss}) for i, loss in enumerate(losses))
    return RankResult(number, 1.0, records, {"parameters_sha256": checksum})


def test_ranks_that_agree_pass() -> None:
    assert disagreement([result(0, (1.0, 0.9)), result(1, (1.1, 0.8))]) is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (result(1, (1.1, 0.8, 0.7)), "rank 1 measured 2 steps, rank 0 1"),
        (result(1, (1.1, 0.8), "b"), "parameters of rank 1"),
    ],
)
def test_ranks_that_differ_in_steps_or_parameters_fail(other: RankResult, message: str) -> None:
    found = disagreement([result(0, (1.0, 0.9)), other])
    assert found is not None
    assert (found.kind, found.rank) == ("rank_mismatch", 1)
    assert message in found.message


def test_a_loss_that_does_not_change_at_all_fails() -> None:
    found = disagreement([result(0, (0.5, 0.5, 0.5))])
    assert found is not None
    assert found.kind == "constant_loss"


def test_one_step_cannot_show_a_change() -> None:
    assert disagreement([result(0, (0.5,))]) is None


def fingerprint(**changed: float) -> dict[str, Any]:
    """That of a step which is right but for what is changed."""
    reference = {"loss": 0.5, "loss_text": 0.4, "gradient_norm": 8.0, "parameters": 192, "targets": 3.0}
    figures = {**reference, **changed}
    names = [name for name in reference if name != "parameters"]
    return {
        "figures": figures,
        "reference": reference,
        "deviation": {name: abs(figures[name] - reference[name]) / reference[name] for name in names},
        "tolerance": {"loss": 0.01, "gradient_norm": 0.1, "targets": 1e-4},
    }


def test_a_right_step_and_a_run_without_a_fingerprint_pass() -> None:
    assert wrong_result(fingerprint(loss=0.504, gradient_norm=8.7)) is None
    assert wrong_result(None) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": 0.51}, "the loss of a step on fixed weights and images is 0.51 instead of 0.5: 2.0% off, where 1.0%"),
        ({"loss_text": 0.41}, "the loss_text of a step"),
        ({"gradient_norm": 7.0}, "the gradient_norm of a step"),
        ({"gradient_norm": float("nan")}, "the gradient_norm of a step"),
        ({"targets": 3.001}, "the targets of a step on fixed weights and images is 3.001 instead of 3"),
        ({"parameters": 190}, "190 of 192 parameters get a gradient: a part of the model is not trained"),
    ],
)
def test_a_wrong_step_is_told_in_one_line(changed: dict[str, float], message: str) -> None:
    found = wrong_result(fingerprint(**changed))
    assert found is not None
    assert message in found


def test_one_wrong_rank_fails_all() -> None:
    wrong = replace(result(1, (1.0, 0.9)), report={"parameters_sha256": "a", "fingerprint": fingerprint(loss=0.6)})
    found = disagreement([result(0, (1.0, 0.9)), wrong])
    assert found is not None
    assert (found.kind, found.rank) == ("wrong_result", 1)
