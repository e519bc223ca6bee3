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
