"""A unit decides or refuses: what a number and its unit are in seconds, or per second."""

from __future__ import annotations

import pytest

from train_logs import EPOCH_TIMES, RATES, STEP_RATES, STEP_TIMES, assert_refused, read


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(
            (f"250{unit}", 0.25)
            for unit in ("ms", " ms", " ms,", " msec", " msecs", " millis", " milliseconds", "毫秒")
        ),
        *((f"250{unit}", 0.25) for unit in (" [ms]", " (ms)", "(ms)", "[ms]", " ms/step", "ms/it", " [ms/it]", " MS")),
        *((f"250000{unit}", 0.25) for unit in ("us", " µs", " μs", " usec", " microseconds")),
        *(
            (f"0.25{unit}", 0.25)
            for unit in ("", "s", " s", " sec", " secs", " seconds", " s/it", " s / it)", " s per step")
        ),
        ("250e6 ns", 0.25),
        ('"250" ms', 0.25),
        ("250\u00a0ms", 0.25),
        ("250 ± 3 ms", 0.25),
        ("250±3ms", 0.25),
        ("250 +- 3 ms", 0.25),
        ("250 (avg 260) ms", 0.25),
        ("250 ( 260.0) ms", 0.25),
        *((f"250{unit}", 0.25) for unit in (' "ms"', " <ms>", " (ms", " ~ms", "\u33b3", "\u200bms", "; ms")),
        ("2.5 min", 150),
        ("2.5 minutes", 150),
        ("2.5 h", 9000),
        ("2 days", 172800),
        ("0:00:01.25", 1.25),
        ("1:02:03", 3723),
        ("1m23s", 83),
        ("1h1m1.5s", 3661.5),
        ("0.5 loss: 3", 0.5),
        ("0.5 Data 0.1 (0.2)", 0.5),
        ("0.5 ( 0.6)", 0.5),
        ("0.5 (train)", 0.5),
        ("0.5 min: 0.4 max: 0.6", 0.5),
        ("0.5 | loss", 0.5),
        ("1.5 sec (1.6 sec avg)", 1.5),
        ('0.5, "ms": 3', 0.5),
    ],
)
def test_a_time_is_converted_to_seconds(text: str, seconds: float) -> None:
    assert read(f"x time: {text}", STEP_TIMES, "time:") == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("2.5 m", "2.5m", "2.5 d", "5 weeks", "500 ticks", "500 milisecs", "500 milisecs 3", "500 ps", "0.5 ks/it"),
        *("1m 23s", "1 min 23 s", "1 day, 0:00:01", "2 days, 20:01:28", "1 s 234 ms", "1 h 2 min", "12:30"),
        *(
            "500 600 ms",
            "500, 600 ms",
            "500 - 600 ms",
            "500 | ms",
            "500 - ms",
            "500 unit=ms",
            "500 in ms",
            "500 k",
            "1h30m",
        ),
        *("0.5 min 0.4 max 0.6", "500 ms: 3", "0.5 [abc]", "50%", "50 %", "1,5 s", "1,234 ms", "0.5k", "500 GB"),
        *("500ms/image", "500 ms/epoch", "0.5 s/token", "0.5 s/foo", "0.5 s/100 steps", "500 ms per 10 steps"),
        *[
            "2.5it/s",
            "2.5 fps",
            "500/ms",
            "2.5 samples",
            "1\u202f234 ms",
            "1'234 ms",
            "1_000",
            "0x1F",
            "5e",
            "1.2.3",
            "12/60",
        ],
    ],
)
def test_what_is_no_time_of_a_step_is_refused(text: str) -> None:
    assert_refused(read(f"x time: {text}", STEP_TIMES, "time:"), f"x time: {text}"[:40].replace("\u202f", "\\u202f"))


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        *(
            (f"1.5{unit}", 1500)
            for unit in ("kit/s", " ksamples/s", " Kimgs/sec", "k", " k", " K samples / s", "k tokens/s")
        ),
        *(
            (f"1.5{unit}", 1500)
            for unit in ("it/ms", " [kit/s]", " (ksamples/s)", "[kit/s]", " thousand images/s", " kHz")
        ),
        *((f"1.5{unit}", 1.5e6) for unit in (" Msamples/s", "M samples/s", " million", " it/us", " it/µs")),
        *(
            (f"90{unit}", 1.5)
            for unit in (" samples/min", " imgs per minute", " it/min", "/min", " training samples/min")
        ),
        *((f"5400{unit}", 1.5) for unit in (" samples/h", " images per hour", " steps / hour")),
        *(
            (f"1.5{unit}", 1.5)
            for unit in ("", "it/s", " samples/sec.", " tokens/s", " fps", " img/sec/GPU", " img/s per GPU")
        ),
        *(
            (f"1.5{unit}", 1.5)
            for unit in (" samples", " x", " loss: 3", " min 1.4 max 1.6", " foo/s", ", MB", " k: 3", " 1/s")
        ),
        *((f"90{unit}", 1.5) for unit in (' "it/min"', " <it/min>", " (it/min", "\u2215min", " it\uff0fmin")),
        ("1.5 k loss: 3", 1500),
        ("1.5 ± 0.2 ksamples/s", 1500),
        ("1.5e3", 1500),
    ],
)
def test_a_rate_is_converted_to_per_second(text: str, per_second: float) -> None:
    assert read(f"x ips: {text}", RATES, "ips:") == pytest.approx(per_second)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "2.5 msamples/s",
            "2.5 mit/s",
            "2.5 Tit/s",
            "2.5 kfoo/s",
            "2.5 GB/s",
            "2.5 kiB/s",
            "2.5 TFLOP/s",
            "2.5 TFLOPS",
        ],
        *(
            "2.5 kilo samples/s",
            "2.5 billion tokens/s",
            "2.5 millions",
            "2.5 kk",
            "2.5 B",
            "2.5 E3",
            "2.5 ,5",
            "2.5 (x1000)",
        ),
        *(
            "2.5 samples pro Minute",
            "2.5 per GPU",
            "2.5 | samples/min",
            "2.5 unit: samples/min",
            "2.5 it/s^2",
            "1 234 ms",
        ),
        *("2.5 kimg", "2.5 kfps", "2.5 ipm", "2.5 MB", "2.5%", "2.5 %", "2.5 foo/bar", "2.5 samples/s/foo", "2.5 k 3"),
        *("2.5 samples a minute", "2.5 samples min^-1", "2.5 samples·s⁻¹", "2.5 samples/100s", "2.5 samples per 10 s"),
        *("2.5 s", "2.5 ms", "2.5 s/it", "2.5 min", "2.5 m", "2.5 epochs/h", "2.5 x1000", "2.5 10^3", "2.5*1000"),
        *[
            "1,5",
            "1,234.5",
            "1.234,5",
            "1 234.5 samples/s",
            "1\xa0234.5",
            "12/60",
            "12 / 60",
            "2.5d3",
            "2.5\uff12",
            "0:00:01",
        ],
    ],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    assert_refused(read(f"x ips: {text}", RATES, "ips:"), "x ips:")


@pytest.mark.parametrize(
    ("unit", "mode", "advice"),
    [
        ("s/it", RATES, "--model_mode 2 (steps/s) or 0"),
        ("it/s", STEP_TIMES, "--model_mode 1 (steps/s), or 3"),
        ("samples/s", STEP_RATES, "--model_mode -1"),
        ("tokens/s", STEP_RATES, "--ips_unit tokens/s"),
        ("s/step", EPOCH_TIMES, "--model_mode 2"),
        ("min/epoch", STEP_TIMES, "--model_mode 4"),
        ("epochs/h", EPOCH_TIMES, "no --model_mode reads it"),
    ],
)
def test_a_unit_that_contradicts_the_mode_is_refused_with_the_mode_to_give(unit: str, mode: int, advice: str) -> None:
    assert_refused(read(f"x: 5 {unit}", mode, "x:"), advice)


def test_the_time_of_a_step_is_a_rate_of_steps_as_progress_bars_print_it() -> None:
    assert read("x: 4.0s/it", STEP_RATES, "x:") == 0.25
    assert read("x: 250 ms/step", STEP_RATES, "x:") == 4


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [("500", "ms", 0.5), ("500 ms", "ms", 0.5), ("5m", "min", 300), ("500 ticks", "ms", 0.5), ("500x", "ms", 0.5)],
)
def test_the_unit_can_be_stated_where_the_log_is_not_clear(text: str, unit: str, seconds: float) -> None:
    assert read(f"time: {text}", STEP_TIMES, "time:", record_unit=unit) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "unit"), [("500 s", "ms"), ("1,500", "ms"), ("500 it/s", "s"), ("12:30", "s")])
def test_a_stated_unit_does_not_override_what_is_clear(text: str, unit: str) -> None:
    assert_refused(read(f"time: {text}", STEP_TIMES, "time:", record_unit=unit), text)
