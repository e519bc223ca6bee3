"""Units that stand away from their number: at the beginning of the line or table, in a field, glued to a name."""

from __future__ import annotations

import pytest

from train_logs import EPOCH_TIMES, RATES, STEP_TIMES, Analyse, assert_refused, failure_kind, read


@pytest.mark.parametrize(
    "line",
    [
        "[INFO] time (ms) | forward: 12.1 | step: 250",
        "time (ms): forward 12.1 step: 250",
        "times in ms: forward=12.1 step: 250",
        "[ms] forward 12.1 step: 250",
        "total (min) unknown, parts (ms) | step: 250",
        "time (ms) | step: 0.25 s",
        "Loading (GB) done, finished in seconds. step: 0.25",
    ],
)
def test_a_heading_of_the_line_is_the_unit_of_a_number_without_one(line: str) -> None:
    assert read(line, STEP_TIMES, "step:") == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["timems", "steptimeMs", "latencyms", "elapsedms", "dtms", "walltimeinms", "itermsec"])
def test_a_unit_glued_to_a_name_counts(name: str) -> None:
    assert read(f"a {name}: 250", STEP_TIMES, f"{name}:") == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["times", "items", "status", "micro_batch_time", "timestep", "params", "iters"])
def test_a_name_that_only_ends_like_a_unit_has_none(name: str) -> None:
    assert read(f"a {name}: 0.25", STEP_TIMES, f"{name}:") == 0.25


def test_a_rate_glued_together_counts_or_is_refused() -> None:
    assert read("imgpermin: 120", RATES, "imgpermin:") == pytest.approx(2)
    assert_refused(read("speedk: 120", RATES, "speedk:"), "speed_k")


@pytest.mark.parametrize("line", ['{"value": 250, "unit": "ms"}', '{"unit": "ms", "value": 250}'])
def test_a_unit_in_a_field_of_its_own_is_refused(line: str) -> None:
    keyword = next(token for token in line.split() if "value" in token)
    assert_refused(read(line, STEP_TIMES, keyword), "may be the unit of the record")


@pytest.mark.parametrize("values", ["250 max=600 (ms)", "250, p95 600, max 700 [ms]"])
def test_a_unit_after_the_last_of_several_values_is_refused(values: str) -> None:
    assert_refused(read(f"step: {values}", STEP_TIMES, "step:"), "may be the unit of all numbers")


def test_the_unit_of_another_kind_after_another_value_is_not_that_of_a_number() -> None:
    assert read("step: 0.25 speed=600 (img/s)", STEP_TIMES, "step:") == 0.25
    assert read("step: 0.25 wait=0.1 (s)", STEP_TIMES, "step:") == 0.25


def test_a_time_of_many_steps_is_refused_also_if_its_unit_follows() -> None:
    assert_refused(read("time per 100 steps: 25 s", STEP_TIMES, "steps:"), "100 steps")


@pytest.mark.parametrize(
    "time",
    ["1 h 2 m", "1h 2m 3s", "1 h, 2 min", "1 hour and 5 minutes", "1 min, 30 sec", "1 hr. 5 min.", "1min 30"],
)
def test_a_time_of_several_parts_is_refused(time: str) -> None:
    assert_refused(read(f"time: {time}", EPOCH_TIMES, "time:"), "second part of the time")


def test_minutes_before_another_column_are_minutes() -> None:
    assert read("time: 12.5 min, 0.321", EPOCH_TIMES, "time:") == 750
    assert read("time: 12.5 min | 0.3 | 4", EPOCH_TIMES, "time:") == 750


@pytest.mark.parametrize(
    "table",
    ["epoch,time_ms,loss\n1,250,0.3\n", "epoch,time (ms),loss\n1,250,0.3\n", "epoch,img/min\n1,250\n"],
)
def test_the_unit_of_a_column_must_be_stated(table: str, analyse: Analyse) -> None:
    options = ("--keyword", ",", "--separator", ",", "--position", "1")
    mode = ("--model_mode", "-1" if "img" in table else "2")
    code, document = analyse(table, *options, *mode)
    assert (code, failure_kind(document)) == (1, "unit")
    assert "in the place of the record: state the unit" in document["details"]["failure"]["message"]
    unit = "img/min" if "img" in table else "ms"
    assert analyse(table, *options, *mode, "--record_unit", unit)[1]["FINAL_RESULT"] == pytest.approx(4, rel=0.05)
