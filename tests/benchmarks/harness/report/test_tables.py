from __future__ import annotations

import pytest

from benchmarks.harness.report.tables import table


def test_columns_are_two_blanks_apart_and_numbers_align_right() -> None:
    rows = [("name", "count", "unit"), ("a", "1", "samples"), ("longer", "23", "")]
    assert table(rows, numeric=[1]) == [
        "name    count  unit",
        "a           1  samples",
        "longer     23",
    ]


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        table([("a", "b"), ("c",)])


def test_a_cell_stays_on_its_line_and_has_no_control_characters() -> None:
    rows = [("name", "status"), ("a\nforged  ok", "failed"), ("\x1b[32mok\x1b[0m", "failed"), ("b\u202e\udcff", "ok")]
    cells = [line.rsplit(maxsplit=1) for line in table(rows)]
    assert cells == [
        ["name", "status"],
        [r"a\nforged  ok", "failed"],
        [r"\x1b[32mok\x1b[0m", "failed"],
        [r"b\u202e\udcff", "ok"],
    ]
