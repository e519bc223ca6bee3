from __future__ import annotations

import statistics

import pytest

from benchmarks.harness.records import RankResult, StepRecord, distribution, slowest, throughput


def step(index: int, *, warmup: bool = False, samples: int = 4, device_seconds: float | None = None) -> StepRecord:
    return StepRecord(index, warmup, 0.5, 0.1, device_seconds, samples, {"loss": 1.0})


def rank(number: int, seconds: float, *, steps: int = 3) -> RankResult:
    return RankResult(number, seconds, (step(1, warmup=True), *(step(2 + i) for i in range(steps))))


def test_throughput_is_all_samples_over_the_slowest_ranks_seconds() -> None:
    ranks = [rank(0, 2.0), rank(1, 4.0)]
    assert throughput(ranks) == 2 * 3 * 4 / 4.0
    assert slowest(ranks).rank == 1


def test_throughput_is_no_mean_of_rates() -> None:
    """Steps of 1 s and 3 s at 4 samples: 8 samples in 4 s, where the mean of the two rates would say 2.67."""
    steps = (StepRecord(1, False, 1.0, 0, None, 4, {"loss": 1}), StepRecord(2, False, 3.0, 0, None, 4, {"loss": 1}))
    assert throughput([RankResult(0, 4.0, steps)]) == 2.0


def test_warmup_steps_count_for_nothing() -> None:
    result = rank(0, 2.0)
    assert (len(result.measured), result.samples) == (3, 12)
    assert result.data_wait_seconds == pytest.approx(0.3)


def test_a_steps_time_is_the_devices_where_there_is_one() -> None:
    assert step(1).step_seconds == 0.5
    assert step(1, device_seconds=0.25).step_seconds == 0.25


def test_the_distribution_is_that_of_the_statistics_module() -> None:
    seconds = [0.5, 0.1, 0.3, 0.2, 0.4, 0.9]
    found = distribution(seconds)
    assert found["mean"] == pytest.approx(statistics.fmean(seconds))
    assert found["p50"] == statistics.median(seconds)
    assert found["p95"] == pytest.approx(statistics.quantiles(seconds, n=20, method="inclusive")[18])
    assert (found["min"], found["max"]) == (0.1, 0.9)
    assert found["stdev"] == pytest.approx(statistics.stdev(seconds))


def test_one_step_has_a_distribution_without_spread() -> None:
    assert distribution([0.5]) == {"mean": 0.5, "p50": 0.5, "p95": 0.5, "min": 0.5, "max": 0.5, "stdev": 0.0}
