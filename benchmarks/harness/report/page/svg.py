"""Elements of SVG as escaped text."""

from __future__ import annotations

from markupsafe import Markup, escape

from benchmarks.harness.results.printable import printable


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """An element. Text in it is escaped; `class_` is the attribute of that name, and `text_anchor` is `text-anchor`."""
    shown = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items())
    inner = "".join(each if isinstance(each, Markup) else safe(each) for each in children)
    return Markup(f"<{name}{shown}>{inner}</{name}>" if inner else f"<{name}{shown}/>")


def safe(text: str) -> Markup:
    """Any text, without a meaning for HTML, and without characters that cannot be seen or reverse its direction."""
    return escape(printable(text))


def position(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return safe(value) if isinstance(value, str) else position(value)
