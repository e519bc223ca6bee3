"""A unit that stands in the label of a record, before the number, counts as one that follows the number."""

from __future__ import annotations

import pytest

from train_logs import RATES, STEP_TIMES, assert_refused, read


@pytest.mark.parametrize(
    ("label", "keyword", "seconds"),
    [
        *(
            (f"{label}:", f"{label}:", 0.5)
            for label in ("time_ms", "(ms)", "[ms]", "time(ms)", "time[ms]", "ms", "stepTimeMs")
        ),
        *(
            (f"{label}:", f"{label}:", 0.5)
            for label in ("ms/step", "ms_per_step", "time_per_step_ms", "time_ms_avg", "TimeMS")
        ),
        *(
            (f"{label}:", f"{label}:", 0.5)
            for label in ('"time_ms"', "'time_ms'", "time.ms", "elapsed-ms", "time_ms(avg)")
        ),
        *(
            (f"{label}", "time", 0.5)
            for label in ("time (ms)", "time (ms):", "time [ms] :", "[ms] time", "time (ms/batch) =")
        ),
        ("ms per step:", "step:", 0.5),
        ("time in msec:", "msec:", 0.5),
        ("train/time_us:", "train/time_us:", 0.0005),
        ("time (s):", "(s):", 500),
        ("time(s):", "time(s):", 500),
        ("time (avg):", "(avg):", 500),
        ("min_time:", "min_time:", 500),
        ("loss 0.3 ms:", "ms:", 0.5),
    ],
)
def test_a_unit_in_the_label_counts(label: str, keyword: str, seconds: float) -> None:
    assert read(f"x {label} 500 foo: 3", STEP_TIMES, keyword) == pytest.approx(seconds)


@pytest.mark.parametrize("label", ["step_time_ms=", "ms=", "timeMs=", "time_ms_per_step="])
def test_a_keyword_may_be_attached_to_its_record_by_an_equals_sign(label: str) -> None:
    assert read(f"x epoch=3, {label}500, foo=3", STEP_TIMES, label) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "label",
    [
        *[
            "time_min:",
            "time_m:",
            "time (min):",
            "time (ticks):",
            "SamplesPerSec:",
            "it/s:",
            "ms_per_image:",
            "mfu (%):",
        ],
        *(
            "throughput:",
            "ms_per_100_steps:",
            "sec_per_epoch:",
            "ms per 100 steps:",
            "time (50 steps):",
            "time (in ms):",
        ),
    ],
)
def test_a_label_that_is_no_time_of_a_step_is_refused(label: str) -> None:
    assert_refused(read(f"x {label} 500 foo: 3", STEP_TIMES, label.split()[-1]), f"{label} 500")


@pytest.mark.parametrize(
    ("label", "per_second"),
    [
        *(
            (label, 600)
            for label in ("SamplesPerSec:", "'train_samples_per_second':", "images_s:", "tokens_per_sec_per_gpu:")
        ),
        *((label, 600) for label in ("img/sec per GPU:", "throughput/device/samples_per_sec:", "on 8 GPU(s):", "fps:")),
        *((label, 10) for label in ("samples_per_min:", "images per minute:", "rate (samples/min):", "ItersPerMin:")),
        *((label, 600e3) for label in ("kimg/s:", "k_samples_per_sec:", "rate (kit/s):")),
    ],
)
def test_a_rate_in_the_label_counts(label: str, per_second: float) -> None:
    assert read(f"x {label} 600 foo: 3", RATES, label.split()[-1]) == pytest.approx(per_second)


@pytest.mark.parametrize(
    "label",
    [
        *("time:", "time_ms:", "avg_batch_cost:", "step_s:", "samples_min:", "ips_min:", "msamples_per_sec:", "kfps:"),
        *[
            "(TFLOP/s/GPU):",
            "rate (k):",
            "rate (x1000):",
            "rate (1e3 samples/s):",
            "samples_per_sec_k:",
            "images per 10 s:",
        ],
    ],
)
def test_a_label_that_is_no_rate_is_refused(label: str) -> None:
    assert_refused(read(f"x {label} 500 foo: 3", RATES, label.split()[-1]), f"{label} 500"[-20:])


def test_label_and_number_must_agree() -> None:
    assert read("time_ms: 500 ms", STEP_TIMES, "time_ms:") == 0.5
    assert_refused(read("time_ms: 0.5 s", STEP_TIMES, "time_ms:"), "'s' is not the unit that precedes the number, ms")


@pytest.mark.parametrize(
    ("line", "position", "seconds"),
    [
        ("a time_ms: 500", 2, 0.5),
        ("a time (ms): 500", 3, 0.5),
        ("a time(ms) 500", 2, 0.5),
        ("a 3 ms 0.5", 3, 0.5),
        ("a (0.5 s/it)", 1, 0.5),
        ("a 12s 345ms/step", 1, 12.0),
        ("a 12s 345ms/step", 2, 0.345),
    ],
)
def test_the_unit_before_a_position_counts_unless_it_belongs_to_another_number(
    line: str, position: int, seconds: float
) -> None:
    assert read(line, STEP_TIMES, "a", position) == pytest.approx(seconds)
