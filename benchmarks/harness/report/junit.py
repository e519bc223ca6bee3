"""Removes private data from the file of pytest's --junitxml: its host name, and paths and messages of tests."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmarks.harness.results.redaction import redact

_NAMES_OF_TESTS = frozenset({"name", "classname", "time", "timestamp"})


def redact_file(path: Path) -> None:
    """Rewrite the file, if there is one: pytest leaves none if it could not start. Names of tests stay."""
    if not path.is_file():  # nor can a pipe be rewritten
        return
    tree = ElementTree.parse(path)
    for element in tree.iter():
        for name, value in element.attrib.items():
            if name == "hostname":
                element.set(name, "<host>")
            elif name not in _NAMES_OF_TESTS:
                element.set(name, redact(value))
        element.text = element.text and redact(element.text)
    text = ElementTree.tostring(tree.getroot(), encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>{text}', encoding="utf-8")
