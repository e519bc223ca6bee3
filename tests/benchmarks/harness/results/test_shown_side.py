"""Sides and variables as they are shown."""

from __future__ import annotations

from benchmarks.harness.results.shown_side import shown_side, shown_variable


def test_a_variable_is_shown_without_secrets() -> None:
    assert shown_variable("OMP_NUM_THREADS", "2") == "OMP_NUM_THREADS=2"
    assert shown_variable("DB_PASSWORD", "one two three") == "DB_PASSWORD=<secret>"
    assert shown_variable("A", "two\nlines") == "A=two lines"


def test_a_side_is_shown_without_secrets() -> None:
    assert shown_side("rev:main") == "rev:main"
    assert shown_side("environ:DB_PASSWORD=one two three") == "environ:DB_PASSWORD=<secret>"
    assert shown_side("tree:/home/someone/x\n") == "tree:~/x"
