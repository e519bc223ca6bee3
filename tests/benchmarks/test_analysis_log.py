from __future__ import annotations

import json
import math
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks import analysis_log
from benchmarks.harness.results import store
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.validation import problems
from benchmarks.harness.worker.step_log import log_line
from samples import step_record
from suite import ROOT

Analyse = Callable[..., "tuple[int, dict[str, Any]]"]


@pytest.fixture
def analyse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Analyse:
    """`analyse(log, *options)`: exit code and JSON, whose validity and shape are checked at each call."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("job_fail_flag", raising=False)

    def run(log: str | bytes, *options: object) -> tuple[int, dict[str, Any]]:
        Path("train.log").write_bytes(log if isinstance(log, bytes) else log.encode())
        code = analysis_log.main(["--filename", "train.log", "--keyword", "ips:", *map(str, options)])
        output = capsys.readouterr().out
        assert output.count("\n") == 1
        document = json.loads(output)
        assert problems(document, SPEED) == []
        assert (code, document["FINAL_RESULT"] == 0) == ((1, True) if document["JOB_FAIL_FLAG"] else (0, False))
        return code, document

    return run


def lines(values: Sequence[float | str], form: str = "step: 1 ips: {} samples/sec") -> str:
    return "".join(form.format(value) + "\n" for value in values)


def failure_kind(document: dict[str, Any]) -> str:
    kind: str = document["details"]["failure"]["kind"]
    return kind


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


@pytest.mark.parametrize("unit", ["s", "s,", "sec", "seconds", "ms", "s/step"])
def test_a_time_is_not_accepted_as_a_rate(analyse: Analyse, unit: str) -> None:
    code, document = analyse(lines(VALUES, f"ips: {{}} {unit}"))
    assert (code, failure_kind(document)) == (1, failure_kind(analyse("")[1]))


@pytest.mark.parametrize("unit", ["samples/sec", "it/s", "images/s,", "ms", "us"])
def test_a_rate_or_another_unit_is_not_accepted_as_a_time_in_seconds(analyse: Analyse, unit: str) -> None:
    code, document = analyse(lines(VALUES, f"ips: {{}} {unit}"), "--model_mode", 0, "--base_batch_size", 8)
    assert (code, failure_kind(document)) == (1, failure_kind(analyse("")[1]))


@pytest.mark.parametrize("unit", ["images/s", "loss: 0.1 s", "", "samples", "steps"])
def test_other_words_after_a_rate_are_ignored(analyse: Analyse, unit: str) -> None:
    assert analyse(lines(VALUES, f"ips: {{}} {unit}"))[0] == 0


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


@pytest.mark.parametrize(
    ("line", "options", "expected"),
    [
        ("a 7.5 ips: 2.5 b", [], 2.5),
        ("a 7.5 ips: 2.5 b", ["--separator", "None"], 2.5),
        ("a 7.5 ips: 2.5 b", ["--separator", ""], 2.5),
        ("a 7.5 ips: 2.5 b", ["--position", 1], 7.5),
        ("7.5 ips: 2.5 b", ["--position", 0], 7.5),
        ("7.5 ips: 2.5 3.5", ["--position", -1], 3.5),
        ("a,ips:,2.5,b", ["--separator", ","], 2.5),
        ("a|7.5 |ips: 2.5", ["--separator", "|", "--position", 1], 7.5),
        ("x ips: 2.567s", ["--range", "4"], 2.56),
        ("x ips: 2.5%", ["--range", "-1"], 2.5),
        ("x ips: v2.567x", ["--range", "1:5"], 2.56),
        ("x ips: v2.5", ["--range", "1:"], 2.5),
        ("x ips: v2.5x", ["--range", "1:-1"], 2.5),
        ("x ips: v2.5", ["--range=-3:"], 2.5),
        ("x ips: 2.5", ["--range", ""], 2.5),
        ("x ips: 2.5,", [], 2.5),
        ("x ips: 2.5;", [], 2.5),
        ("[ips: 2.5]", ["--keyword", "[ips:"], 2.5),
        ('{"ips": 2.5}', ["--keyword", '{"ips":'], 2.5),
        ("x ips: 2.5samples/s", [], 2.5),
        ("x ips: 2.5it/s, y", [], 2.5),
        ("x ips: 2.5s,", ["--model_mode", 4], 2.5),
        ("x ips: 2.5sec/step", ["--model_mode", 4], 2.5),
        ("x ips: 25e-1", [], 2.5),
        ("x ips: +2.5E+0", [], 2.5),
        ("x ips: .5", [], 0.5),
        ("x ips: 5.", [], 5.0),
        ("x ips: 12", [], 12.0),
    ],
)
def test_the_record_is_found_as_older_parsers_find_it(
    analyse: Analyse, line: str, options: list[object], expected: float
) -> None:
    assert analyse(f"{line}\n{line}\n", *options)[1]["FINAL_RESULT"] == expected


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("x ips: 1.2s/it", []),  # progress bars print this below one step per second
        ("x ips: 11.5it/s", ["--model_mode", 4]),
        ("x ips: 693ms", ["--model_mode", 4]),
        ("x ips: 1,234.5", []),
        ("x ips: 12:30", []),
        ("x ips: fast", []),
        ("x ips:", []),
        ("x ips:2.5", []),
        ("x ips: 2.5", ["--position", 7]),
        ("x ips: 2.5", ["--position", -4]),
        ("x ips: 2.5", ["--range", "9:"]),
        ("x ips: ٢", []),
    ],
)
def test_a_token_that_is_not_a_number_of_the_right_kind_is_counted_not_guessed(
    analyse: Analyse, line: str, options: list[object]
) -> None:
    code, document = analyse(f"ips\n{line}\n", *options)
    assert code == 1
    assert failure_kind(document) == "no_record"
    assert "line 2 " in document["details"]["failure"]["message"]
    assert document["details"]["lines_without_number"] == 1
    code, document = analyse(f"{line}\nx ips: 3.5 3.5\n", *options)
    assert document["details"]["lines_without_number"] >= 1


def test_lines_without_a_number_are_reported_with_the_first(
    analyse: Analyse, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("other.log").write_text(lines(["2.0", "none", "4.0", "none"]))
    assert analysis_log.main(["--filename", "other.log", "--keyword", "ips:"]) == 0
    assert "2 lines have the keyword but no number, first line 2" in capsys.readouterr().err


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


def test_a_log_that_cannot_be_read_yields_a_valid_failed_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, cause in (("nowhere.log", "No such file or directory"), (".", "Is a directory")):
        assert analysis_log.main(["--filename", name, "--keyword", "ips:"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert problems(document, SPEED) == []
        assert document["details"]["failure"] == {
            "kind": "log", "message": f"the log cannot be read: {cause}", "rank": None
        }  # fmt: skip


@pytest.mark.parametrize(("flag", "code"), [("1", 1), ("2", 1), ("yes", 1), ("0", 0), ("", 0), (None, 0)])
def test_a_job_that_reports_its_failure_has_failed(
    analyse: Analyse, monkeypatch: pytest.MonkeyPatch, flag: str | None, code: int
) -> None:
    if flag is not None:
        monkeypatch.setenv("job_fail_flag", flag)
    found, document = analyse(lines([2.0]))
    assert found == code
    if code:
        assert failure_kind(document) == "job_failed"


@pytest.mark.parametrize(
    ("log", "options", "records", "dropped"),
    [
        (b"ips: 11.54\nips: 12.3", [], 1, True),
        (b"ips: 11.54\nips: 12.", [], 1, True),
        (b"ips: 11.54\nips: 1", [], 1, True),
        (b"ips: 11.54\nips:", [], 1, True),
        (b"ips: 11.54\nips: 12.35", [], 2, False),
        (b"ips: 11.54\nips: 12.3 ", [], 2, False),
        (b"ips: +9.54\nips: +12.35", [], 2, False),
        (b"ips: 11.54\nips: 12.3 sam", [], 2, False),
        (b"ips: 11.54,\nips: 12.3,", [], 2, False),
        (b"ips: 11.54it/s\nips: 12.3it/s", [], 2, False),
        (b"ips: 11.54it/s\nips: 12.34it", [], 1, True),
        (b"ips: 11.54\nips: 12.5\nips: 12.35", [], 2, True),  # the two records before have different forms
        (b"ips: 120\nips: 12", [], 1, True),
        (b"ips: 120\nips: 99\nips: 12", [], 2, True),
        (b"ips: 120\nips: 121", [], 2, False),
        (b"ips: 1.5e-03\nips: 1.5e-0", [], 1, True),
        (b"ips: 1.5e-03\nips: 1.5e-04", [], 2, False),
        (b"11.54 ips: x\n12.5 ips", ["--keyword", "ips", "--position", 0], 2, False),
        (b"ips: 11.54 x\nips: 12.34 x\nips: 12.34", ["--position", -2], 2, True),
        (b"11.54 ips: 12.34 12.35 x\n11.54 ips: 12.34", ["--position", -3], 1, True),
        (b"ips: 11.54123\nips: 12.34", ["--range", "4"], 2, False),
        (b"ips: 11.54123\nips: 12.3", ["--range", "5"], 1, True),
        (b"ips,11.54,x\nips,12.3", ["--keyword", "ips", "--separator", ","], 1, True),
        (b"ips,11.54,x\nips,12.3,", ["--keyword", "ips", "--separator", ","], 2, False),
        (b"ips: 11.54\nsomething el", [], 1, False),
        (b"ips: 11.54\nip", [], 1, False),
        (b"ips: 11.54\r\nips: 12.3\r\n", [], 2, False),
        (b"ips: 11.54\r", [], 1, False),
    ],
)
def test_half_a_number_at_the_end_of_an_interrupted_log_is_not_counted(
    analyse: Analyse, log: bytes, options: list[object], records: int, dropped: bool
) -> None:
    _, document = analyse(log, *options)
    assert document["details"]["records_found"] == records
    assert document["details"]["last_line_dropped"] is dropped


@given(
    values=st.lists(st.floats(0.1, 1000), min_size=2, max_size=5),
    decimals=st.integers(0, 6),
    tail=st.sampled_from(["", " samples/sec", ","]),
    data=st.data(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_record_is_wrong_wherever_a_log_was_interrupted(
    analyse: Analyse, values: list[float], decimals: int, tail: str, data: Any
) -> None:
    shown = [f"{value + 1:.{decimals}f}" for value in values]
    assume(decimals or len({len(number) for number in shown}) == 1)
    log = lines(shown, "step: 1 ips: {}" + tail)
    first = log.index("\n") + 1
    cut = data.draw(st.integers(first, len(log)))
    _, document = analyse(log[:cut])
    used = document["details"]["records_used"]
    whole = log[:cut].count("\n")
    assert used in (whole, whole + 1)
    expected = statistics.harmonic_mean([float(number) for number in shown[:used]])
    assert document["FINAL_RESULT"] == pytest.approx(expected, abs=0.001)


def test_foreign_bytes_windows_line_ends_progress_bars_and_colours_are_tolerated(analyse: Analyse) -> None:
    log = (
        b"\xef\xbb\xbfips: 2.0 x\r\n"
        b"\xff\xfe\x00 gar\xc3bage\r\n"
        b"\xe9poque ips: 4.0 \xe9\r\n"
        b"  5%|#   | ips: 8.0 it\r 10%|##  | ips: 16.0 it\r\n"
        b"\x1b[32mips:\x1b[0m \x1b[1;31m32.0\x1b[0m\n"
    )
    _, document = analyse(log)
    assert document["details"]["records_found"] == 5
    assert document["FINAL_RESULT"] == round(statistics.harmonic_mean([2, 4, 8, 16, 32]), 3)


def test_the_path_of_the_log_is_relative_to_the_current_folder_or_redacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here" / "logs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(analysis_log, "redact", lambda text: text.replace("away", "<user>"))

    def log_file(argument: object) -> str:
        analysis_log.main(["--filename", str(argument), "--keyword", "ips:"])
        found: str = json.loads(capsys.readouterr().out)["log_file"]
        return found

    assert log_file("logs/a.log") == "logs/a.log"
    assert log_file(Path.cwd() / "logs" / "a.log") == "logs/a.log"
    assert log_file("../b.log") == "../b.log"
    assert log_file("/srv/away/b.log") == "/srv/<user>/b.log"


def test_the_output_file_has_what_is_printed(analyse: Analyse, tmp_path: Path) -> None:
    _, document = analyse(lines([2.0]), "--output", tmp_path / "index" / "a_speed")
    assert store.read(tmp_path / "index" / "a_speed") == document
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["a_speed"]


def test_an_output_that_cannot_be_written_is_reported_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.log").write_text(lines([2.0]))
    assert analysis_log.main(["--filename", "train.log", "--keyword", "ips:", "--output", "train.log/a_speed"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["FINAL_RESULT"] == 2
    assert "--output train.log/a_speed cannot be written" in output.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--model_mode 5", "--model_mode"),
        ("--model_mode fast", "--model_mode"),
        ("--skip_steps -1", "--skip_steps"),
        ("--skip_steps 1.5", "--skip_steps"),
        ("--base_batch_size 0", "--base_batch_size"),
        ("--gpu_num -1", "--gpu_num"),
        ("--range 1:2:3", "--range: '1:2:3' is neither N nor A:B"),
        ("--range x", "--range"),
        ("--position x", "--position"),
        ("--run_mode dp", "--run_mode"),
        ("--direction_id 3", "--direction_id"),
        ("--index 4", "--index"),
        ("--ips_unit images", "--ips_unit"),
        ("--rate_scope all", "--rate_scope"),
        ("--keyword=", "--keyword"),
        ("--model_name=", "--model_name"),
        ("--mission_name=", "--mission_name"),
        ("--unknown 1", "--unknown"),
    ],
)
def test_wrong_use_exits_with_2_and_names_the_option(
    capsys: pytest.CaptureFixture[str], options: str, named: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        analysis_log.main(["--filename", "x", "--keyword", "ips:", *options.split()])
    assert ended.value.code == 2
    assert re.search(rf"error: .*{named}", capsys.readouterr().err)


@pytest.mark.parametrize("missing", ["--filename", "--keyword"])
def test_log_and_keyword_must_be_given(capsys: pytest.CaptureFixture[str], missing: str) -> None:
    arguments = {"--filename": "x", "--keyword": "ips:"}
    del arguments[missing]
    with pytest.raises(SystemExit) as ended:
        analysis_log.main([word for pair in arguments.items() for word in pair])
    assert ended.value.code == 2
    assert missing in capsys.readouterr().err


def test_the_command_prints_nothing_but_the_json_to_standard_output(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(lines([2.0, "none"]))
    command = [sys.executable, "-m", "benchmarks.analysis_log", "--filename", str(log), "--keyword", "ips:"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert json.loads(done.stdout)["FINAL_RESULT"] == 2
    assert "no number" in done.stderr
