"""The one renderer of text tables."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.results.printable import printable


def table(rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> list[str]:
    """Rows of cells, the headings first -> lines with columns two blanks apart; the `numeric` columns align right.

    A cell stays on its line and sends no control characters to the terminal, whatever it contains.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in numeric else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
