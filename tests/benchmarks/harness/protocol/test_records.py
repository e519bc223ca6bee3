from __future__ import annotations

import pytest

from samples import rank_result, step_record


def test_warm_up_steps_are_not_counted() -> None:
    records = [step_record(1, warmup=True, samples=4), *(step_record(index, samples=4) for index in (2, 3, 4))]
    result = rank_result(0, records, seconds=2.0)
    assert (len(result.records), len(result.measured), result.samples) == (4, 3, 12)
    assert result.data_wait_seconds == pytest.approx(0.3)


def test_the_time_of_a_step_is_that_on_the_device_if_there_is_one() -> None:
    assert step_record(seconds=0.5).step_seconds == 0.5
    assert step_record(seconds=0.5, device_seconds=0.25).step_seconds == 0.25
