"""Options that a side, or both, may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.side_options import (
    check_options,
    option_value,
    split_options,
    unknown_option,
    with_full_paths,
    without_comparison_options,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--ocr-case x", "options: --ocr-case is set by the comparison itself: leave it out, or use case:NAME"),
        ("--ocr-output=x", "options: --ocr-output is set by the comparison itself: leave it out"),
        ("--ocr-light", "--ocr-light is set by the comparison"),
        ("--ocr-compare rev:x", "--ocr-compare is set by the comparison"),
        ("--ocr-steps 3", "options: --ocr-steps must be the same on both sides: give it to both (after `--`, or as"),
        ("--ocr-seed=3", "--ocr-seed must be the same"),
        ("--ocr-data photos", "--ocr-data must be the same"),
        ("--ocr-words=words", "--ocr-words must be the same"),
        ("-o ocr_light=true", "-o changes which tests run"),
        ("--override-ini=ocr_light=true", "--override-ini changes"),
        ("--maxfail=1", "--maxfail changes"),
        ("--noconftest", "--noconftest changes"),
        ("-n 2", "options: -n changes which tests run or how; a run has one case: leave it out"),
        ("-n2", "-n changes which tests run"),
        ("-kpsenet", "-k changes"),
        ("-m cpu", "-m changes"),
        ("-p xdist", "-p changes"),
        ("--dist=load", "--dist changes"),
        ("--lf", "--lf changes"),
        ("--junitxml=x.xml", "options: --junitxml would be written by each run: leave it out"),
        ("--ocr-history=x.jsonl", "options: --ocr-history would be written by each run: leave it out"),
        ("--benchmark-json x.json", "--benchmark-json would be written by each run"),
        ("--co", "--co changes"),
        ("benchmarks/test_speed.py", "'benchmarks/test_speed.py' is not an option; the case is given by case:NAME"),
        (
            "--ocr-profile-loader benchmarks/test_speed.py::test_speed",
            "is not an option; the case is given by case:NAME",
        ),
        ('--ocr-data "a', "No closing quotation; quote as in a shell"),
        (" ", "options: without any option"),
    ],
)
def test_options_that_the_comparison_sets_are_refused(text: str, message: str) -> None:
    with pytest.raises(SideError) as caught:
        split_options(text)
    assert message in str(caught.value)


def test_options_of_both_sides_may_set_steps_and_seed() -> None:
    check_options(["--ocr-steps", "20", "--ocr-seed=3", "-v"], "after --")
    with pytest.raises(SideError, match="after --: --ocr-output is set"):
        check_options(["--ocr-output", "x"], "after --")


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("--ocr-steps 3 --ocr-seed=3 -v -rA", None),
        ("--junitxml=a.xml --junit-xml a.xml", None),  # the help has one of them
        ("--ocr-step 3", "--ocr-step"),
        ("-v --ocr-seed 3 --output=x", "--output"),
        ("--of", "--of"),
    ],
)
def test_an_option_that_a_suite_does_not_know_is_found_in_its_help(text: str, unknown: str | None) -> None:
    text_of_help = "  --junit-xml=path  Create a report\n  --ocr-steps=N  number--of steps\n  --ocr-seed=N  Seed\n"
    assert unknown_option(text.split(), text_of_help) == unknown


def test_the_last_value_of_an_option_counts() -> None:
    words = ["--ocr-steps", "20", "--ocr-steps=30", "--ocr-seed"]
    assert option_value(words, "--ocr-steps") == "30"
    assert option_value(words, "--ocr-seed") is None
    assert option_value(words, "--ocr-data") is None


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("-v --ocr-compare rev:main --ocr-steps 3", "-v --ocr-steps 3"),
        ("--ocr-compare=rev:main --ocr-strict-compare -v", "-v"),
        ("--ocr-max-slowdown 3% --ocr-budget=5 --ocr-max-pairs 3", ""),
        ("--ocr-compared x", "--ocr-compared x"),
        ("--ocr-case a --ocr-case=b -v", "-v"),
        ("--ocr-light -v", "-v"),
        ("--junitxml=x.xml --benchmark-json x.json -v", "-v"),
        ("--lf -v --sw", "-v"),
        ("--ocr-data=/photos --ocr-data synthetic", "--ocr-data=/photos --ocr-data synthetic"),
        ("'a", "'a"),
    ],
)
def test_the_runs_of_a_comparison_do_not_compare_and_are_not_light_by_themselves(given: str, left: str) -> None:
    assert without_comparison_options(given) == left


def test_a_relative_folder_is_that_of_the_command_in_every_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert without_comparison_options("--ocr-data photos") == f"--ocr-data {tmp_path}/photos"
    assert with_full_paths(["--ocr-words", "a", "--ocr-words=b", "--ocr-words", "synthetic"], "") == [
        *("--ocr-words", f"{tmp_path}/a", f"--ocr-words={tmp_path}/b", "--ocr-words", "synthetic")
    ]
    with pytest.raises(SideError, match="options after --: --ocr-data ~nobody"):
        with_full_paths(["--ocr-data=~nobody.here/x"], "options after --")
