"""The noise models are what they are called."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.compare.self_test.noise import RECORDED, Floats, models, recorded

SHAPE = (500, 36)


def _log_means(name: str) -> Floats:
    (model,) = (model for model in models(0.02) if model.name == name)
    logs: Floats = np.log(model.draw(np.random.default_rng(5), SHAPE).step_seconds.mean(axis=2))
    return logs


def _correlation(logs: Floats) -> float:
    return float(np.corrcoef(logs[:, :-1].ravel(), logs[:, 1:].ravel())[0, 1])


@pytest.mark.parametrize("name", ["independent", "autocorrelation 0.5", "autocorrelation 0.7", "heavy tails"])
def test_pairs_vary_by_the_given_deviation(name: str) -> None:
    logs = _log_means(name)

    assert np.std(logs[:, 1::2] - logs[:, ::2]) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("name", "correlation"), [("independent", 0.0), ("autocorrelation 0.5", 0.46), ("autocorrelation 0.7", 0.64)]
)
def test_run_means_have_the_given_correlation(name: str, correlation: float) -> None:
    assert _correlation(_log_means(name)) == pytest.approx(correlation, abs=0.03)  # the steps take some of it


def test_drift_is_13_percent_in_20_runs() -> None:
    mean = _log_means("drift").mean(axis=0)

    assert np.exp(mean[20] - mean[0]) == pytest.approx(0.87, abs=0.005)


def test_one_run_in_twenty_is_an_outlier() -> None:
    assert np.mean(_log_means("outliers") > 0.3) == pytest.approx(0.05, abs=0.006)


def test_load_is_mostly_seen_by_the_machine_verdict() -> None:
    model = models(0.02)[-1]
    runs = model.draw(np.random.default_rng(5), SHAPE)

    loaded = np.log(runs.step_seconds.mean(axis=2)) > 0.2

    assert 0.3 < loaded.mean() < 0.5
    assert np.mean(runs.disturbed == loaded) == pytest.approx(0.9, abs=0.02)


def test_recorded_runs_are_as_noisy_as_they_were() -> None:
    runs = recorded(disturbed=True).draw(np.random.default_rng(5), SHAPE)

    logs = np.log(runs.step_seconds.mean(axis=2))
    assert runs.step_seconds.shape == (*SHAPE, 20)
    assert np.std(np.diff(logs)) == pytest.approx(0.23, abs=0.01)
    assert np.std(np.diff(np.log(runs.cpu_seconds))) == pytest.approx(0.08, abs=0.01)  # from the last to the first, too
    assert _correlation(logs) == pytest.approx(0.5, abs=0.1)


def test_planted_load_is_divided_out_of_the_recorded_runs() -> None:
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    runs = recorded(disturbed=True).draw(np.random.default_rng(5), (1, len(lines)))

    for figure, drawn in (("step_seconds", runs.step_seconds.sum(axis=2)), ("cpu_seconds", runs.cpu_seconds)):
        expected = [np.sum(line[figure]) / (1 + line["planted"]) for line in lines]
        assert sorted(drawn.ravel()) == pytest.approx(sorted(expected))


def test_recorded_stretches_keep_the_order_of_time() -> None:
    runs = recorded(disturbed=True).draw(np.random.default_rng(5), (50, 60))

    assert len({tuple(np.roll(line, -int(line.argmax()))) for line in runs.cpu_seconds}) == 1
