from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.harness.worker.step_log import log_line
from samples import step_record
from train_logs import Analyse, failure_kind, lines

VALUES = (2.0, 4.0, 8.0)
HARMONIC, MEAN = 3 / (1 / 2 + 1 / 4 + 1 / 8), 14 / 3


@pytest.mark.parametrize(
    ("mode", "scope", "expected", "arithmetic", "unit"),
    [
        (-1, "process", 8 * HARMONIC, 8 * MEAN, "samples/sec"),
        (-1, "global", HARMONIC, MEAN, "samples/sec"),
        (0, "process", 16 * 8 * 3 / 14, 16 * 8 / MEAN, "samples/sec"),
        (0, "global", 16 * 3 / 14, 16 / MEAN, "samples/sec"),
        (1, "process", HARMONIC, MEAN, "steps/s"),
        (1, "global", HARMONIC, MEAN, "steps/s"),
        (2, "process", 3 / 14, 1 / MEAN, "steps/s"),
        (3, "process", 16 * 8 * HARMONIC, 16 * 8 * MEAN, "samples/sec"),
        (3, "global", 16 * HARMONIC, 16 * MEAN, "samples/sec"),
        (4, "process", MEAN, MEAN, "s/epoch"),
    ],
)
def test_each_mode_counts_samples_steps_or_epochs_over_time(
    analyse: Analyse, mode: int, scope: str, expected: float, arithmetic: float, unit: str
) -> None:
    log = lines([100.0, *VALUES], "ips: {}")
    options = ("--skip_steps", 1, "--gpu_num", 8, "--base_batch_size", 16, "--model_mode", mode, "--rate_scope", scope)
    code, document = analyse(log, *options)
    assert code == 0
    assert document["FINAL_RESULT"] == round(expected, 3)
    assert document["UNIT"] == unit
    assert document["details"]["arithmetic_mean"] == pytest.approx(arithmetic)
    assert document["details"]["records_found"] == 4
    assert document["details"]["records_used"] == 3
    assert document["details"]["record_mean"] == pytest.approx(MEAN)
    assert (document["details"]["record_min"], document["details"]["record_max"]) == (2.0, 8.0)


@given(rates=st.lists(st.floats(0.01, 1e5), min_size=1, max_size=30), gpus=st.integers(0, 64), data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_rates_of_equal_steps_yield_samples_over_time(
    analyse: Analyse, rates: list[float], gpus: int, data: Any
) -> None:
    skipped = data.draw(st.integers(0, len(rates) - 1))
    _, document = analyse(lines(rates), "--gpu_num", gpus, "--skip_steps", skipped)
    seconds = math.fsum(32 / rate for rate in rates[skipped:])
    samples = 32 * len(rates[skipped:])
    assert document["FINAL_RESULT"] == pytest.approx(max(gpus, 1) * samples / seconds, abs=0.00051)
    assert document["FINAL_RESULT"] <= document["details"]["arithmetic_mean"] + 0.001


@given(
    seconds=st.lists(st.floats(0.01, 5), min_size=2, max_size=30),
    samples=st.integers(1, 64),
    gpus=st.integers(1, 8),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_rate_and_time_of_the_suites_own_log_line_yield_the_throughput(
    analyse: Analyse, seconds: list[float], samples: int, gpus: int
) -> None:
    records = [
        step_record(i, seconds=each, data_wait_seconds=0.001, samples=samples, loss=0.5)
        for i, each in enumerate(seconds, start=1)
    ]
    log = "".join(log_line(record, len(records), 0.001) + "\n" for record in records)
    _, by_rate = analyse(log, "--gpu_num", gpus, "--skip_steps", 1)
    by_time_options = ("--keyword", "avg_batch_cost:", "--model_mode", 0, "--base_batch_size", samples)
    _, by_time = analyse(log, *by_time_options, "--gpu_num", gpus, "--skip_steps", 1)
    throughput = gpus * samples * (len(seconds) - 1) / math.fsum(seconds[1:])
    assert by_rate["FINAL_RESULT"] == pytest.approx(throughput, rel=1e-4, abs=0.001)
    assert by_time["FINAL_RESULT"] == pytest.approx(throughput, rel=1e-4, abs=0.001)


def test_the_ten_fields_have_the_callers_values(analyse: Analyse) -> None:
    options = "--model_name video_bs1_fp32 --direction_id 2 --run_mode mp --index 6 --gpu_num 4 --ips_unit tokens/s"
    _, document = analyse(lines([2.0, 4.0]), *options.split(), "--mission_name", "图像 分类")
    assert list(document.items())[:10] == [
        ("log_file", "train.log"),
        ("model_name", "video_bs1_fp32"),
        ("mission_name", "图像 分类"),
        ("direction_id", 2),
        ("run_mode", "mp"),
        ("index", 6),
        ("gpu_num", 4),
        ("FINAL_RESULT", 10.667),
        ("JOB_FAIL_FLAG", 0),
        ("UNIT", "tokens/s"),
    ]


def test_another_unit_applies_only_to_rates_taken_as_they_are(analyse: Analyse) -> None:
    assert analyse(lines([2.0]), "--ips_unit", "images/s", "--model_mode", 1)[1]["UNIT"] == "steps/s"


@pytest.mark.parametrize("values", [[0.5, 0.25], [0.001], [0.0006]])
def test_a_speed_below_one_is_a_result(analyse: Analyse, values: list[float]) -> None:
    assert analyse(lines(values))[1]["FINAL_RESULT"] == round(statistics.harmonic_mean(values), 3)


@pytest.mark.parametrize(
    ("log", "options", "kind"),
    [
        ("", [], "no_record"),
        ("loss: 1\n", [], "no_record"),
        (lines([1.0, 2.0]), ["--skip_steps", 2], "too_few_records"),
        (lines([1.0, 2.0]), ["--skip_steps", 20], "too_few_records"),
        (lines([1.0, 0.0]), [], "bad_record"),
        (lines([1.0, -2.0]), [], "bad_record"),
        (lines([1.0, "nan"]), [], "bad_record"),
        (lines(["inf", 1.0]), [], "bad_record"),
        (lines(["1e999", 1.0]), [], "bad_record"),
        (lines([1.0]), ["--model_mode", 0], "no_batch_size"),
        (lines([1.0]), ["--model_mode", 3], "no_batch_size"),
        (lines([0.0004]), [], "no_result"),
        (lines(["1e308", "1e308"]), ["--gpu_num", 8], "no_result"),
        (lines([5e-324], "ips: {}"), ["--model_mode", 0, "--base_batch_size", 1], "no_result"),
    ],
)
def test_without_a_result_the_flag_is_1_and_the_cause_is_given(
    analyse: Analyse, capsys: pytest.CaptureFixture[str], log: str, options: list[object], kind: str
) -> None:
    code, document = analyse(log, *options)
    assert (code, document["JOB_FAIL_FLAG"], document["FINAL_RESULT"]) == (1, 1, 0)
    assert failure_kind(document) == kind
    assert document["UNIT"] == "samples/sec"


def test_a_bad_record_is_named_by_its_line_and_ignored_if_skipped(analyse: Analyse) -> None:
    log = "start\n" + lines([0.0, "nan", 2.0])
    assert "line 2: 0.0 is no rate" in analyse(log)[1]["details"]["failure"]["message"]
    assert analyse(log, "--skip_steps", 2)[1]["FINAL_RESULT"] == 2
