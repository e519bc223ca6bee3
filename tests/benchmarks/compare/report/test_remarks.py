"""What a reader should know of the pairs besides the verdict."""

from __future__ import annotations

import pytest
from msgspec import structs

from benchmarks.compare.judging.course import CaseState
from benchmarks.compare.judging.procedure import Procedure
from benchmarks.compare.report.remarks import remarks
from compared import CASE
from compared_pairs import measured, procedure_parameters
from comparisons import side_description

PARAMETERS = procedure_parameters()
BASE = side_description(light=True)
HEAD = side_description(light=True, options=["--ocr-steps", "5"])


def state(
    log_ratio: float, cpu_log_ratio: float, *, pairs: int = 5, max_pairs: int = 12, spread: float = 0.001
) -> CaseState:
    """A case with pairs that differ by `spread` from one to the next."""
    procedure = Procedure(procedure_parameters(max_pairs=max_pairs, seed=2), device="cpu", alpha=0.05)
    for number in range(pairs):
        turn = procedure.next()
        assert turn is not None
        noise = spread * (number - 2)
        procedure.add(measured(turn, log_ratio + noise, cpu_log_ratio=cpu_log_ratio - noise))
    return CaseState(CASE, CASE, procedure)


@pytest.mark.parametrize(
    ("wall", "cpu", "remark"),
    [
        (-0.3, 0.0, "it waits more than the base (loader, threads, locks), or uses less CPU time for a sample"),
        (0.0, -0.3, "it waits less than the base (loader, threads, locks), or uses more CPU time for a sample"),
    ],
)
def test_measures_with_nothing_in_common_are_explained(wall: float, cpu: float, remark: str) -> None:
    (found,) = remarks(state(wall, cpu), BASE, HEAD, PARAMETERS)
    assert found.startswith("per second and per CPU second the head differs by different amounts")
    assert found.endswith(remark)


def test_measures_that_agree_need_no_remark() -> None:
    assert remarks(state(-0.3, -0.3), BASE, HEAD, PARAMETERS) == []


@pytest.mark.parametrize(("pairs", "remarked"), [(3, True), (5, False)])
def test_a_verdict_on_few_pairs_says_so(pairs: int, remarked: bool) -> None:
    case = state(-0.3, -0.3, pairs=pairs, max_pairs=pairs)
    case.procedure.look(0.05)
    assert case.verdict.word == "slower"
    found = remarks(case, BASE, HEAD, PARAMETERS)
    assert found == (["3 pairs say little of how much they vary: measure 5 or more"] if remarked else [])


def test_a_budget_that_ends_before_the_first_look_is_compared_with_what_that_would_take() -> None:
    case = state(-0.3, -0.3, pairs=2)
    case.procedure.stop("budget")
    parameters = structs.replace(PARAMETERS, budget_minutes=3.0)
    found = remarks(case, BASE, HEAD, parameters)
    assert found[0] == (
        "ended after 2 pairs: the next one would not have fitted into 3 minutes; "
        "5 of them take about 5 min here: give a longer --budget"
    )
    case = state(-0.3, -0.3, pairs=5)
    case.procedure.stop("budget")
    assert remarks(case, BASE, HEAD, parameters)[0].endswith("would not have fitted into 3 minutes")


@pytest.mark.parametrize(
    ("spread", "remark"),
    [
        (0.03, "--max-pairs 13 (about 13 min), "),
        (0.3, "a quieter machine, or a larger --max-slowdown than 3 % may tell"),
    ],
)
def test_pairs_that_do_not_tell_are_followed_by_what_may(spread: float, remark: str) -> None:
    case = state(0.0, 0.0, pairs=3, max_pairs=3, spread=spread)
    case.procedure.look(0.05)
    assert case.stopped_by == "max_pairs"
    (found,) = remarks(case, BASE, HEAD, PARAMETERS)
    assert found.startswith(remark)
    assert found.endswith("a quieter machine, or a larger --max-slowdown than 3 % may tell")


def test_attempts_that_were_repeated_are_told_from_pairs_that_count() -> None:
    procedure = Procedure(PARAMETERS, device="cpu", alpha=0.05)
    for attempt, state_of_machine in ((1, "disturbed"), (2, "quiet")):
        turn = procedure.next()
        assert turn is not None
        assert turn.attempt == attempt
        procedure.add(measured(turn, machine=state_of_machine))  # type: ignore[arg-type]
    found = remarks(CaseState(CASE, CASE, procedure), BASE, HEAD, PARAMETERS)
    assert found == ["the machine was disturbed in 1 attempt that was repeated: load 7 (2 times)"]


def test_sides_whose_training_cannot_be_compared_are_named() -> None:
    case = state(0.0, 0.0)
    case.training_is_compared = False
    (found,) = remarks(case, BASE, HEAD, PARAMETERS)
    assert found.endswith("nothing shows that they compute the same")
