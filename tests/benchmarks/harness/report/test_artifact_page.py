"""The generated page describes every field. `test_schemas.py` tests that the committed file is up to date."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.harness.report.artifact_page import artifact_page
from benchmarks.harness.results.artifact import SCHEMA_VERSION
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.schema import schema_of

FORMS = [measurement.form for measurement in MEASUREMENTS.values()]
PAGE = artifact_page(FORMS)
STRUCTS: dict[str, Any] = {name: schema for form in FORMS for name, schema in schema_of(form)["$defs"].items()}
"""Name -> schema."""


def sections() -> dict[str, str]:
    """Heading -> text below it."""
    parts = re.split(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> dict[str, tuple[str, str, str]]:
    """Field -> type, unit, meaning, of the table in a section."""
    found = {}
    for line in text.splitlines():
        if match := re.match(r"\| `(\w+)`(?: \(optional\))? \| (.+?) \| (.*?) \| (.*?) \|$", line):
            found[match[1]] = (match[2], match[3].strip(), match[4].strip())
    return found


@pytest.mark.parametrize("name", STRUCTS)
def test_every_field_of_every_struct_is_listed_with_its_type(name: str) -> None:
    table = rows(sections()[name])
    assert list(table) == list(STRUCTS[name]["properties"])
    assert all(kind and kind != "any" for kind, _, _ in table.values())


def test_every_struct_has_a_description() -> None:
    texts = sections()
    for name in STRUCTS:
        before_table = texts[name].partition("| field |")[0].strip()
        assert before_table.endswith("."), name


def is_explained(kind: str, unit: str, meaning: str) -> bool:
    """By its unit, its meaning, its values, or the section of its type."""
    return bool(unit or meaning) or kind.startswith("`") or "](#" in kind


@pytest.mark.parametrize("name", STRUCTS)
def test_every_field_has_a_unit_or_a_meaning_unless_its_type_explains_it(name: str) -> None:
    assert [field for field, row in rows(sections()[name]).items() if not is_explained(*row)] == []


def test_the_fields_outside_of_details_have_a_unit_or_a_meaning_too() -> None:
    for heading, text in sections().items():
        assert [field for field, row in rows(text).items() if not is_explained(*row)] == [], heading


def test_the_ten_fields_and_the_own_fields_of_each_measurement_are_listed() -> None:
    ten = list(rows(sections()["The ten fields"]))
    for form in FORMS:
        text = next(text for heading, text in sections().items() if heading.startswith(f"{form.name}:"))
        assert [*ten, *rows(text), "details"] == list(schema_of(form)["properties"])
        assert "`details` with source `unfinished_run`: [" in text


def test_bounds_units_and_links_are_shown() -> None:
    assert rows(sections()["SpeedDetails"])["samples"] == (
        "integer ≥ 1",
        "",
        "of all ranks in the measured steps",
    )
    assert rows(sections()["StepSeconds"])["p50"] == ("number > 0", "s", "median")
    assert rows(sections()["SpeedDetails"])["step_seconds"][0] == "[StepSeconds](#stepseconds)"
    assert rows(sections()["SpeedDetails"])["loader_profile"][:2] == ("object of number ≥ 0 or null", "s")
    assert rows(sections()["RankDetails"])["peak_memory_bytes"][:2] == ("integer ≥ 1", "bytes")
    assert "| `failure` (optional) |" in PAGE


def test_every_link_leads_to_a_section() -> None:
    anchors = {heading.lower() for heading in sections()}
    targets = set(re.findall(r"\]\(#(.+?)\)", PAGE))
    assert targets
    assert targets <= anchors


def test_the_page_states_its_version_and_its_source() -> None:
    assert f"schema version {SCHEMA_VERSION}" in PAGE
    assert "do not edit" in PAGE
