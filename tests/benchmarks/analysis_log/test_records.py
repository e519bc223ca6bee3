from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import analysis_log
from train_logs import Analyse, failure_kind, lines

VALUES = (2.0, 4.0, 8.0)
HARMONIC, MEAN = 3 / (1 / 2 + 1 / 4 + 1 / 8), 14 / 3


@pytest.mark.parametrize("unit", ["s", "s,", "sec", "seconds", "ms", "s/step"])
def test_a_time_is_not_accepted_as_a_rate(analyse: Analyse, unit: str) -> None:
    code, document = analyse(lines(VALUES, f"ips: {{}} {unit}"))
    assert (code, failure_kind(document)) == (1, failure_kind(analyse("")[1]))


@pytest.mark.parametrize("unit", ["samples/sec", "it/s", "images/s,", "tokens", "ticks"])
def test_a_rate_or_another_unit_is_not_accepted_as_a_time_in_seconds(analyse: Analyse, unit: str) -> None:
    code, document = analyse(lines(VALUES, f"ips: {{}} {unit}"), "--model_mode", 0, "--base_batch_size", 8)
    assert (code, failure_kind(document)) == (1, failure_kind(analyse("")[1]))


@pytest.mark.parametrize("unit", ["images/s", "loss: 0.1 s", "", "samples", "steps"])
def test_other_words_after_a_rate_are_ignored(analyse: Analyse, unit: str) -> None:
    assert analyse(lines(VALUES, f"ips: {{}} {unit}"))[0] == 0


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
        ("x ips: 2.567s", ["--range", "4", "--model_mode", 4], 2.56),
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
        ("x ips: 2.5sec/epoch", ["--model_mode", 4], 2.5),
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
        ("x ips: 2.5sec/step", ["--model_mode", 4]),
        ("x ips: 2.567s", ["--range", "4"]),
        ("x ips: 693x", ["--model_mode", 4]),
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


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("ips: 12345.6", ["--range", "3"]),
        ("ips: 1234", ["--range", "2"]),
        ("ips: 12345", ["--range", "1:"]),
        ("ips: 1.5e3", ["--range", "3"]),
        ("ips: 1.5e-03", ["--range", "6"]),
    ],
)
def test_a_range_that_changes_the_number_is_refused(analyse: Analyse, line: str, options: list[object]) -> None:
    code, document = analyse(f"{line}\n", *options)
    assert code == 1
    assert "is a number that --range cuts in two: give another --range" in document["details"]["failure"]["message"]


@pytest.mark.parametrize(
    ("line", "options", "expected"),
    [
        ("x time: 693.25ms", ["--keyword", "time:", "--range", "5"], 1.443),
        ("a | 500 ms | b", ["--keyword", "a", "--separator", "|", "--position", 1], 2),
        ("time,500,ms,3", ["--keyword", "time", "--separator", ","], 2),
        ("time,0.5,train,3", ["--keyword", "time", "--separator", ","], 2),
        ("time (ms);500;3", ["--keyword", "time (ms)", "--separator", ";"], 2),
        ('{"ips":2.5,"time_ms":500}', ["--separator", ",", "--position", 1, "--range", "10:", "--keyword", "ips"], 2),
        ("a | time per iteration (ms): 500 | b", ["--separator", "|", "--position", 1, "--range", "26:"], 2),
        ("time per iteration (ms): 500 | b", ["--separator", ":", "--position", 1, "--range", ":4"], 2),
    ],
)
def test_a_unit_counts_if_tokens_are_columns_or_cut(
    analyse: Analyse, line: str, options: list[object], expected: float
) -> None:
    keyword = () if "--keyword" in options else ("--keyword", "time")
    assert analyse(f"{line}\n", *keyword, "--model_mode", 2, *options)[1]["FINAL_RESULT"] == expected


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("ips: 500 samples/min\nips: 5\n", 2),
        ("ips: 5\nips: 6\nips: 500 samples/min\n", 3),
        ("ips: 5 samples/s\nips: 50 tokens/s\n", 2),
        ("ips: 5 samples/s\nips: 5 it/s\n", 2),
        ("ips: 5 samples/s\nips: 0.2 s\n", 2),
        ("ips: 5 samples/s\nips: 1,234 samples/s\n", 2),
    ],
)
def test_records_that_cannot_be_compared_are_refused_with_the_line(analyse: Analyse, log: str, line: int) -> None:
    code, document = analyse(log, "--skip_steps", 1)
    assert (code, failure_kind(document)) == (1, "unit")
    assert document["details"]["failure"]["message"].startswith(f"line {line} has 'ips: ")


def test_records_of_several_units_are_converted(analyse: Analyse) -> None:
    _, document = analyse("ips: 500 ms\nips: 0.5 s\nips: 500000 us\n", "--model_mode", 2)
    details = document["details"]
    assert document["FINAL_RESULT"] == 2
    assert details["record_units"] == {"ms": 0.001, "s": 1.0, "us": 1e-6}
    assert (details["record_min"], details["record_max"], details["records_used"]) == (0.5, 0.5, 3)


def test_excluded_lines_are_counted_and_reported(analyse: Analyse, capsys: pytest.CaptureFixture[str]) -> None:
    log = (
        "train ips: 4.0\nval ips: 1.0\nval loss: 3\nTest: ips: 1.0 \x1b[1mval\x1b[0m\neval ips: fast\ntrain ips: 4.0\n"
    )
    options = ("--exclude", "Test:", "--exclude", "val ", "--exclude", "never")
    _, document = analyse(log, *options)
    assert document["FINAL_RESULT"] == 4
    assert document["details"]["exclude"] == ["Test:", "val ", "never"]
    assert (document["details"]["lines_excluded"], document["details"]["lines_without_number"]) == (3, 0)
    analysis_log.main(["--filename", "train.log", "--keyword", "ips:", *options])
    remarks = capsys.readouterr().err
    assert "1 lines with the keyword are left out: --exclude 'Test:'" in remarks
    assert "2 lines with the keyword are left out: --exclude 'val '" in remarks
    assert "0 lines with the keyword are left out: --exclude 'never'" in remarks


def test_a_refused_line_is_quoted_in_one_line_without_private_data_or_control_characters(analyse: Analyse) -> None:
    _, document = analyse("ips: 2.5\x07zz\x1b]0;title\x07 10.1.2.3 /home/alice/x\n")
    message = document["details"]["failure"]["message"]
    assert "has 'ips: 2.5\\x07zz <ip> ~/x': '\\x07zz' is no known unit" in message
