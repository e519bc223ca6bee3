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
