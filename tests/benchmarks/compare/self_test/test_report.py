"""The self-test's tables, and the usual tests in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.compare.judging.procedure import Procedure, Turn
from benchmarks.compare.self_test import report
from benchmarks.compare.self_test.baselines import BLOCK, Changes, findings
from benchmarks.compare.self_test.noise import models, recorded
from benchmarks.compare.self_test.recorded_loads import replay_recorded_load
from benchmarks.compare.self_test.replay import replay


def _alarms(found: dict[str, Changes]) -> dict[str, float]:
    return {name: float(np.mean(changes != 0)) for name, changes in found.items()}


def test_usual_tests_raise_false_alarms_on_the_recorded_runs() -> None:
    alarms = _alarms(findings(recorded(disturbed=False).draw(np.random.default_rng(3), (2000, 2 * BLOCK))))

    assert alarms["Welch"] == pytest.approx(0.47, abs=0.04)
    assert alarms["ranks 0.05"] == pytest.approx(0.56, abs=0.04)
    assert alarms["ranks 0.002"] == pytest.approx(0.25, abs=0.04)
    assert alarms["over 5 %"] == pytest.approx(0.76, abs=0.04)
    assert alarms["A, then B"] > 0.4


def test_usual_tests_find_the_direction() -> None:
    runs = models(0.002)[0].draw(np.random.default_rng(3), (200, 2 * BLOCK))

    for name, changes in findings(runs, 0.1).items():
        assert np.mean(changes == -1) > 0.95, name
    for name, changes in findings(runs, -0.1).items():
        assert np.mean(changes == 1) > 0.95, name


def test_recorded_busy_loop_is_found_or_left_open() -> None:
    for load in report.SLOWDOWNS:
        tally = replay_recorded_load(load)
        assert tally.replays == 24
        assert tally.share("slower", "cannot tell") == 1
    assert replay_recorded_load(0.1).share("slower") == 1


def test_tables_show_all_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(replays=40, seed=1) == 0

    printed = capsys.readouterr().out
    for model in [*models(0.02), recorded(disturbed=False), recorded(disturbed=True)]:
        assert printed.count(f"\n{model.name}  ") == 1 + len(report.SLOWDOWNS)
    assert "recorded busy loop" in printed
    assert "\nrecorded, 60 stretches, disturbed  " in printed
    assert printed.endswith("40 replays are too few for a verdict: it takes 200.\n")


def test_a_promise_that_is_just_kept_seldom_fails_the_self_test() -> None:
    """By the binomial distribution: the larger the number of checks, the rarer each."""
    for replays in (200, 1000):
        for promised in (0.025, 0.05):
            errors = round(report.limit(promised, replays, 45) * replays)
            assert stats.binom.sf(errors, replays, promised) <= report.FALSE_VERDICTS / 45
            assert stats.binom.sf(errors - 1, replays, promised) > report.FALSE_VERDICTS / 45


def test_procedure_that_keeps_its_promises_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "LEAST_REPLAYS", 60)

    assert report.main(replays=60, seed=1) == 0

    assert capsys.readouterr().out.endswith("The procedure errs no more often than it promises.\n")


def test_without_the_recorded_runs_the_simulated_ones_are_replayed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RECORDED", tmp_path / "moderate.jsonl")

    assert report.main(replays=20, seed=1) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("The recorded runs are only in a checkout")
    assert "recorded busy loop" not in printed


def test_procedure_that_errs_too_often_fails_the_self_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it would with a level of 50 % per look."""
    monkeypatch.setattr(report, "LEAST_REPLAYS", 60)
    monkeypatch.setattr("benchmarks.compare.judging.procedure.nominal_level", lambda looks, alpha: 0.5)

    assert report.main(replays=60, seed=1) == 1

    assert "independent: too many false alarms\n" in capsys.readouterr().out


def test_replays_have_another_order_each(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[Turn] = []
    true_next = Procedure.next

    def recording(self: Procedure) -> Turn | None:
        turn = true_next(self)
        if turn is not None and turn.number == 1:
            turns.append(turn)
        return turn

    monkeypatch.setattr(Procedure, "next", recording)
    replay(models(0.02)[0], np.random.default_rng(1), 100)

    assert 30 < sum(turn.head_first for turn in turns) < 70
