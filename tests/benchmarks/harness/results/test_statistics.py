from __future__ import annotations

import statistics

import pytest

from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.results.speed_artifact import StepSeconds
from benchmarks.harness.results.statistics import loss_curve, slowest, step_distribution, throughput
from samples import rank_result, step_record


def rank(number: int, seconds: float, *, steps: int = 3) -> RankResult:
    records = [step_record(1, warmup=True, samples=4), *(step_record(2 + i, samples=4) for i in range(steps))]
    return rank_result(number, records, seconds=seconds)


def test_throughput_is_samples_of_all_ranks_over_seconds_of_the_slowest() -> None:
    ranks = [rank(0, 2.0), rank(1, 4.0)]
    assert throughput(ranks) == 2 * 3 * 4 / 4.0
    assert slowest(ranks).rank == 1


def test_throughput_is_not_a_mean_of_rates() -> None:
    """Steps of 1 s and 3 s with 4 samples: 8 samples in 4 s. The mean of the two rates would be 2.67."""
    steps = [step_record(1, seconds=1.0, samples=4), step_record(2, seconds=3.0, samples=4)]
    assert throughput([rank_result(0, steps, seconds=4.0)]) == 2.0


def test_the_distribution_is_that_of_the_statistics_module() -> None:
    seconds = [0.5, 0.1, 0.3, 0.2, 0.4, 0.9]
    found = step_distribution(seconds)
    assert found.mean == pytest.approx(statistics.fmean(seconds))
    assert found.p50 == statistics.median(seconds)
    assert found.p95 == pytest.approx(statistics.quantiles(seconds, n=20, method="inclusive")[18])
    assert (found.min, found.max) == (0.1, 0.9)
    assert found.stdev == pytest.approx(statistics.stdev(seconds))


def test_the_distribution_of_one_step_has_no_spread() -> None:
    assert step_distribution([0.5]) == StepSeconds(mean=0.5, p50=0.5, p95=0.5, min=0.5, max=0.5, stdev=0.0)


def test_a_curve_has_the_means_of_equal_groups_of_steps() -> None:
    steps = [(step, {"loss": float(step)}) for step in range(1, 251)]
    found = loss_curve(steps)
    assert len(found) == 84
    assert found[0] == {"step": 3, "loss": 2.0}
    assert found[-1] == {"step": 250, "loss": 250.0}
    assert loss_curve(steps[:2]) == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 2.0}]
    assert loss_curve([]) == []
