"""The procedure: turns, repeats, looks, the end."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from benchmarks.compare.document import MachineState, Pair, ProcedureParameters, Verdict
from benchmarks.compare.judging.order import head_first
from benchmarks.compare.judging.procedure import Procedure, Turn
from benchmarks.compare.judging.statistics import pairs_needed
from compared_pairs import measured, pair_of, procedure_parameters, run_figures

ALPHA = 0.05
NOISE = [0.004, -0.006, 0.001, 0.007, -0.005, -0.001, 0.002, 0.0, -0.003, 0.006, -0.002, -0.003]


def _procedure(parameters: ProcedureParameters | None = None, device: str = "cpu") -> Procedure:
    return Procedure(parameters or procedure_parameters(), device=device, alpha=ALPHA)


def _run(procedure: Procedure, measure: Callable[[Turn], Pair], pairs: int = 1000) -> Verdict:
    for _ in range(pairs):
        if (turn := procedure.next()) is None:
            break
        procedure.add(measure(turn))
        procedure.look(ALPHA)
    return procedure.current()


def _with(effect: float, scale: float = 1.0, machine: MachineState = "quiet") -> Callable[[Turn], Pair]:
    def measure(turn: Turn) -> Pair:
        noise = effect + scale * NOISE[(turn.number - 1) % len(NOISE)]
        return measured(turn, noise, cpu_log_ratio=noise, machine=machine)

    return measure


def test_turns_are_numbered_and_in_the_drawn_order() -> None:
    procedure = _procedure()

    turns = []
    for _ in range(4):
        turn = procedure.next()
        assert turn is not None
        turns.append(turn)
        procedure.add(measured(turn))

    assert turns == [Turn(number, 1, head_first(1, number, 12)) for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("effect", "scale", "word", "pairs", "stopped_by"),
    [
        (0.0, 1, "no slower", 5, "settled"),
        (math.log(1.05), 1, "faster", 5, "settled"),
        (math.log(0.9), 1, "slower", 5, "settled"),
        (math.log(0.965), 2, "slower", 12, "max_pairs"),
        (math.log(0.99), 20, "cannot tell", 12, "max_pairs"),
    ],
)
def test_stops_at_the_first_look_that_settles(
    effect: float, scale: float, word: str, pairs: int, stopped_by: str
) -> None:
    procedure = _procedure()

    verdict = _run(procedure, _with(effect, scale))

    assert (verdict.word, len(procedure.pairs), procedure.stopped_by) == (word, pairs, stopped_by)
    assert procedure.next() is None


def test_verdict_has_the_figures_of_its_interval() -> None:
    verdict = _run(_procedure(), _with(math.log(0.9)))

    assert verdict.wall is not None
    assert verdict.wall.ratio == pytest.approx(0.9, rel=0.002)
    assert verdict.wall.low < verdict.wall.ratio < verdict.wall.high < 0.97
    assert verdict.wall.pairs == 5
    assert verdict.wall.level == pytest.approx(0.0214, rel=0.02)
    assert (verdict.rests_on, verdict.pairs_needed) == (["wall"], None)


def test_nothing_is_decided_between_looks() -> None:
    procedure = _procedure()

    verdict = _run(procedure, _with(math.log(0.5)), pairs=4)

    assert (verdict.word, procedure.stopped_by) == ("cannot tell", None)
    assert verdict.sentence.endswith("; not finished")
    assert verdict.wall is not None


def test_undecided_verdict_says_how_many_pairs_would_be_needed() -> None:
    verdict = _run(_procedure(), _with(0.0, scale=20))

    assert verdict.pairs_needed is not None
    assert verdict.pairs_needed > 12
    assert f"{verdict.pairs_needed} pairs" in verdict.sentence


def test_needed_pairs_get_the_error_probability_of_all_looks_and_not_the_level_of_one() -> None:
    verdict = _run(_procedure(), _with(0.0, scale=10))

    assert verdict.wall is not None
    assert verdict.wall.level < ALPHA
    assert verdict.pairs_needed == pairs_needed(verdict.wall.pair_deviation, 0.03, ALPHA)


def test_no_number_of_pairs_resolves_a_contradiction_of_the_measures() -> None:
    def opposite(turn: Turn) -> Pair:
        noise = NOISE[(turn.number - 1) % len(NOISE)]
        return measured(turn, -0.1 + noise, cpu_log_ratio=0.1 + noise, machine="disturbed")

    verdict = _run(_procedure(), opposite)

    assert (verdict.word, verdict.pairs_needed) == ("cannot tell", None)
    assert "the two measures contradict each other" in verdict.sentence


def test_undecided_verdict_asks_for_more_pairs_than_there_are() -> None:
    """Half of the allowed slow-down is harder to tell than all of it or none."""
    procedure = _procedure(procedure_parameters(allowed=0.05))
    for number in range(1, 13):
        offset = 0.036 if number % 4 < 2 else -0.036
        procedure.add(measured(Turn(number, 1, number % 2 == 0), math.log(0.95) / 2 + offset))

    verdict = procedure.look(ALPHA)

    assert verdict.word == "cannot tell"
    assert verdict.pairs_needed == 13


# ------------------------------------------------------------------------------------------------------------- repeats


def test_disturbed_pair_is_repeated_in_the_same_order() -> None:
    procedure = _procedure()
    first = procedure.next()
    assert first is not None

    procedure.add(measured(first, machine="disturbed"))

    assert procedure.next() == Turn(1, 2, first.head_first)


@pytest.mark.parametrize("side", ["base", "head"])
def test_one_disturbed_run_is_enough(side: str) -> None:
    procedure = _procedure()
    disturbed = run_figures(machine="disturbed")
    pair = pair_of(disturbed, run_figures()) if side == "base" else pair_of(run_figures(), disturbed)

    procedure.add(pair)

    assert procedure.next() == Turn(1, 2, False)


def test_last_attempt_counts_whatever_its_ratio() -> None:
    procedure = _procedure()
    for attempt, ratio in ((1, 0.1), (2, -0.5)):
        procedure.add(measured(Turn(1, attempt, False), ratio, machine="disturbed" if attempt == 1 else "quiet"))

    assert [pair.counted for pair in procedure.pairs] == [False, True]
    assert [pair.attempt for pair in procedure.counted] == [2]
    assert procedure.next() == Turn(2, 1, head_first(1, 2, 12))


def test_attempts_of_a_pair_are_limited() -> None:
    procedure = _procedure(procedure_parameters(max_attempts=3, max_repeats=100, max_pairs=5))

    _run(procedure, _with(0.0, scale=20, machine="disturbed"))

    assert [(pair.number, pair.attempt) for pair in procedure.pairs[:4]] == [(1, 1), (1, 2), (1, 3), (2, 1)]


def test_nothing_is_repeated_on_a_machine_that_is_busy_throughout() -> None:
    """All attempts of a pair were disturbed: further repeats would cost time and help as little."""
    procedure = _procedure(procedure_parameters(max_attempts=3, max_repeats=100, max_pairs=5))

    _run(procedure, _with(0.0, scale=20, machine="disturbed"))

    assert [pair.attempt for pair in procedure.pairs] == [1, 2, 3, 1, 1, 1, 1]
    assert len(procedure.counted) == 5


def test_repeats_of_all_pairs_are_limited() -> None:
    procedure = _procedure(procedure_parameters(max_attempts=9, max_repeats=3, max_pairs=5))

    _run(procedure, _with(0.0, scale=20, machine="disturbed"))

    assert len(procedure.pairs) == 8


@pytest.mark.parametrize("log_ratio", [-3.0, 0.0, 3.0])
def test_no_pair_is_repeated_because_of_its_ratio(log_ratio: float) -> None:
    procedure = _procedure()

    procedure.add(measured(Turn(1, 1, False), log_ratio))

    assert procedure.next() == Turn(2, 1, head_first(1, 2, 12))


def test_machine_of_unknown_state_is_no_reason_to_repeat() -> None:
    procedure = _procedure()

    procedure.add(measured(Turn(1, 1, False), machine="unknown"))

    assert procedure.next() == Turn(2, 1, head_first(1, 2, 12))


def test_no_look_is_taken_while_a_repeat_is_due() -> None:
    procedure = _procedure()
    _run(procedure, _with(0.0), pairs=4)
    turn = procedure.next()
    assert turn is not None
    procedure.add(measured(turn, machine="disturbed"))

    assert not procedure.look_is_due()
    assert procedure.look(ALPHA).word == "cannot tell"

    procedure.add(measured(turn._replace(attempt=2)))
    assert procedure.look(ALPHA).word == "no slower"


# ------------------------------------------------------------------------------------------------------------ failures


@pytest.mark.parametrize("side", ["base", "head"])
def test_failed_run_fails_the_comparison_at_once(side: str) -> None:
    procedure = _procedure()
    failed = run_figures(failure="out_of_memory: 3 GiB were asked for")

    procedure.add(pair_of(failed, run_figures()) if side == "base" else pair_of(run_figures(), failed))

    assert (procedure.stopped_by, procedure.next()) == ("failure", None)
    assert procedure.current().word == "failed"
    assert procedure.current().sentence == f"{side} failed in pair 1: out_of_memory: 3 GiB were asked for"


def test_run_that_failed_because_of_the_machine_is_repeated() -> None:
    procedure = _procedure(procedure_parameters(max_attempts=2))
    failed = run_figures(failure="disturbed: load 9 on 2 cores")

    procedure.add(pair_of(run_figures(), failed, Turn(1, 1, False)))
    assert procedure.next() == Turn(1, 2, False)

    procedure.add(pair_of(run_figures(), failed, Turn(1, 2, False)))
    assert procedure.current().word == "failed"


def test_failure_outside_a_run_is_given_as_the_cause() -> None:
    procedure = _procedure()
    _run(procedure, _with(0.0), pairs=3)

    verdict = procedure.stop("failure", "the working tree changed while it was measured")

    assert (verdict.word, verdict.sentence) == ("failed", "the working tree changed while it was measured")
    assert verdict.pairs_needed is None
    assert procedure.stopped_by == "failure"


# ------------------------------------------------------------------------------------------------------- early endings


def test_end_of_the_time_is_a_look() -> None:
    procedure = _procedure()
    _run(procedure, _with(math.log(0.9)), pairs=4)

    verdict = procedure.stop("budget")

    assert (verdict.word, procedure.stopped_by, procedure.next()) == ("slower", "budget", None)


@pytest.mark.parametrize("max_pairs", [2, 12])
@pytest.mark.parametrize("pair_effect", [math.log(0.5), math.log(2.0)])
def test_two_pairs_decide_nothing(max_pairs: int, pair_effect: float) -> None:
    """Their orders are opposite, so a load that changes every two runs is a difference without any noise."""
    procedure = _procedure(procedure_parameters(max_pairs=max_pairs))
    for number in (1, 2):
        procedure.add(measured(Turn(number, 1, number == 1), pair_effect))
        procedure.look(ALPHA)

    verdict = procedure.current() if max_pairs == 2 else procedure.stop("budget")

    assert (verdict.word, procedure.stopped_by) == ("cannot tell", "max_pairs" if max_pairs == 2 else "budget")
    assert "; two pairs are too few for a verdict: it needs three" in verdict.sentence
    assert verdict.wall is not None


def test_three_pairs_decide() -> None:
    procedure = _procedure(procedure_parameters(max_pairs=3))

    assert _run(procedure, _with(math.log(0.5))).word == "slower"


@pytest.mark.parametrize("pairs", [0, 1])
def test_fewer_than_two_pairs_tell_nothing(pairs: int) -> None:
    procedure = _procedure()
    _run(procedure, _with(math.log(0.5)), pairs=pairs)

    verdict = procedure.stop("budget")

    assert (verdict.word, verdict.wall, verdict.pairs_needed) == ("cannot tell", None, None)


def test_pairs_of_one_order_tell_nothing() -> None:
    procedure = _procedure()
    for number in (1, 2, 3):
        procedure.add(measured(Turn(number, 1, True), math.log(0.5) + NOISE[number]))

    verdict = procedure.stop("budget")

    assert verdict.word == "cannot tell"
    assert "; all pairs ran in the same order" in verdict.sentence


@pytest.mark.parametrize("pairs", [0, 3])
def test_a_failed_run_that_no_time_is_left_to_repeat_fails_the_comparison(pairs: int) -> None:
    procedure = _procedure()
    _run(procedure, _with(0.0), pairs=pairs)
    failed = run_figures(failure="disturbed: load 9 on 2 cores")
    procedure.add(pair_of(run_figures(), failed, Turn(pairs + 1, 1, False)))

    verdict = procedure.stop("budget")

    cause = f"head failed in pair {pairs + 1}: disturbed: load 9 on 2 cores; no time is left to repeat it"
    assert (verdict.word, verdict.sentence, procedure.stopped_by) == ("failed", cause, "failure")


def test_interruption_decides_nothing() -> None:
    procedure = _procedure()
    _run(procedure, _with(math.log(0.5)), pairs=4)

    verdict = procedure.stop("interrupted")

    assert (verdict.word, procedure.stopped_by) == ("cannot tell", "interrupted")
    assert verdict.sentence.endswith("; interrupted")


def test_resumed_procedure_continues_with_the_same_turn() -> None:
    first = _procedure()
    _run(first, _with(0.0, scale=20), pairs=7)

    second = _procedure()
    for pair in first.pairs:
        second.add(pair)

    assert second.next() == first.next()
    assert second.current() == first.current()


def test_settled_verdict_stays() -> None:
    procedure = _procedure()
    verdict = _run(procedure, _with(0.0))

    assert procedure.look(0.2) == verdict
    assert procedure.stop("budget") == verdict
    assert procedure.stopped_by == "settled"


def test_last_look_is_judged_again_with_a_level_that_another_case_passed_on() -> None:
    procedure = Procedure(procedure_parameters(max_pairs=5), device="cpu", alpha=0.0005)
    for _ in range(5):
        turn = procedure.next()
        assert turn is not None
        procedure.add(_with(math.log(0.99))(turn))
        procedure.look(0.0005)
    assert (procedure.current().word, procedure.stopped_by) == ("cannot tell", "max_pairs")

    assert procedure.look(0.05).word == "no slower"
    assert procedure.alpha == 0.05


# ------------------------------------------------------------------------------------------------------------- measure


def test_measure_is_chosen_at_the_first_look_and_kept() -> None:
    procedure = _procedure(procedure_parameters(max_repeats=0))

    def measure(turn: Turn) -> Pair:
        noise = NOISE[turn.number - 1]
        return measured(
            turn, 20 * noise, cpu_log_ratio=2 * noise - 0.035, machine="disturbed" if turn.number <= 5 else "quiet"
        )

    verdict = _run(procedure, measure)

    assert (verdict.word, verdict.rests_on) == ("slower", ["cpu"])


def test_cpu_seconds_alone_never_show_no_slower() -> None:
    procedure = _procedure(procedure_parameters(max_repeats=0))

    verdict = _run(
        procedure, lambda turn: measured(turn, 20 * NOISE[turn.number - 1], cpu_log_ratio=0.05, machine="disturbed")
    )

    assert verdict.word == "cannot tell"
    assert verdict.rests_on == ["wall", "cpu"]


# --------------------------------------------------------------------------------------------------------- stored side


def _against_stored(stored_side: str, ratio: float, drift: float) -> Verdict:
    stored = [run_figures(1 + noise) for noise in NOISE[:4]]
    parameters = procedure_parameters(stored_drift=drift)
    procedure = Procedure(parameters, device="cpu", alpha=ALPHA, stored=stored)

    def measure(turn: Turn) -> Pair:
        run = run_figures((ratio if stored_side == "base" else 1 / ratio) * (1 + NOISE[turn.number - 1]))
        return pair_of(None, run, turn) if stored_side == "base" else pair_of(run, None, turn)

    return _run(procedure, measure)


@pytest.mark.parametrize("stored_side", ["base", "head"])
@pytest.mark.parametrize(
    ("ratio", "drift", "word"),
    [
        (0.85, 0.05, "slower"),
        (1.15, 0.05, "faster"),
        (1.0, 0.05, "cannot tell"),
        (1.0, 0.0, "no slower"),
        (0.96, 0.05, "cannot tell"),
    ],
)
def test_stored_side_is_judged_with_room_for_drift(stored_side: str, ratio: float, drift: float, word: str) -> None:
    verdict = _against_stored(stored_side, ratio, drift)

    assert verdict.word == word
    assert "weaker than a comparison in pairs" in verdict.sentence
    assert verdict.cpu is None
    assert verdict.wall is not None
    assert verdict.wall.pairs >= 5  # new runs; four are stored
