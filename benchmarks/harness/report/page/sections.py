"""What a page is made of. A measurement describes what it shows with these types; the frame draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from markupsafe import Markup

Tone = Literal["", "good", "warning", "bad", "muted"]
"""How a text is meant. Colour never says it alone: the text does."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        number: what the column is sorted by; the cell then aligns right.
        link: anchor of the page that the text leads to.
        is_sentence: its column has room for several words in a line.
    """

    text: str
    number: float | None = None
    tone: Tone = ""
    link: str = ""
    is_sentence: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under headings, which have the units. A text is a cell without a number.

    Attributes:
        sortable: whether a person can sort it by each column.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    sortable: bool = False

    @property
    def numeric(self) -> frozenset[int]:
        """The columns that have a number."""
        return frozenset(
            index
            for row in self.rows
            for index, cell in enumerate(row)
            if isinstance(cell, Cell) and cell.number is not None
        )


@dataclass(frozen=True)
class KeyFigure:
    """A number that a reader looks for first, with its unit, and a remark below it."""

    label: str
    value: str
    remark: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Chart:
    """A drawing, and the same figures as a table. The functions of `charts.py` make it.

    Attributes:
        description: what one sees in it, for readers who cannot see it.
        table: None if legend or description have all figures.
        legend: class of a series in page.css -> its name.
    """

    title: str
    description: str
    svg: Markup
    table: Table | None
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Picture:
    """An image inside the page.

    Attributes:
        kind: "png" or "jpeg".
        description: for readers who cannot see it.
    """

    title: str
    description: str
    kind: Literal["png", "jpeg"]
    content: bytes


@dataclass(frozen=True)
class Note:
    """A sentence."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Lines:
    """Text whose lines and blanks are kept, such as a log or a command.

    Attributes:
        wrapped: whether a line that is too long is continued below, as of a command, instead of being scrolled.
    """

    title: str
    lines: Sequence[str]
    wrapped: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading. Its contents appear in the order of the fields; empty ones do not.

    Attributes:
        summary: of a section of all cases: a sentence for the first screen.
    """

    heading: str
    figures: Sequence[KeyFigure] = ()
    notes: Sequence[Note] = ()
    charts: Sequence[Chart] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    texts: Sequence[Lines] = ()
    summary: str = ""

    @property
    def is_empty(self) -> bool:
        return not any((self.figures, self.notes, self.charts, self.pictures, self.tables, self.texts))


@dataclass(frozen=True)
class CasePage:
    """What a measurement shows of one artifact.

    Attributes:
        cells: heading -> cell, of the row in the table of the measurement; empty for the columns of its table on the
            terminal.
        sections: of the case, the most important first.
    """

    cells: dict[str, Cell]
    sections: Sequence[Section]
