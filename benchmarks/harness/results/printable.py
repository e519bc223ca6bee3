"""Text from anywhere, such as a file name or a message in an artifact, made safe for a terminal and for a table."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Text in which every character that a terminal may obey is written as its escape, for example `\x1b` or `\n`.

    Escaped are line ends and other control characters, characters that reverse the direction of the text or that cannot
    be seen, and lone surrogates, as Python decodes the bytes of a file name that are not UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of the text; the rest is replaced by dots."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
