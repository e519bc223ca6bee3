"""The schemas are strict. That the committed files are up to date is tested with `benchmarks.schemas`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from artifacts import TEN_FIELDS
from benchmarks.harness.results.formats import CONVERGENCE, SPEED, ArtifactFormat
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.schema import schema_of

OPTIONAL = {"failure"}
"""Present only if a case failed."""


def objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and schema of the document and of every struct in it."""
    yield "document", schema
    yield from schema["$defs"].items()


FORMS = [measurement.form for measurement in MEASUREMENTS.values()]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_schema_is_a_valid_schema_with_its_own_id(form: ArtifactFormat[Any]) -> None:
    schema = schema_of(form)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{form.name}.schema.json")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_field_is_required_and_no_other_is_allowed(form: ArtifactFormat[Any]) -> None:
    for name, schema in objects(schema_of(form)):
        assert schema["additionalProperties"] is False, name
        optional = set(schema["properties"]) - set(schema["required"])
        assert optional <= OPTIONAL, name


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_ten_fields_come_first_and_details_last(form: ArtifactFormat[Any]) -> None:
    names = list(schema_of(form)["properties"])
    assert names[:10] == TEN_FIELDS
    assert names[-1] == "details"


def test_a_failure_is_required_in_the_details_of_a_run_that_did_not_reach_its_end() -> None:
    definitions = schema_of(SPEED)["$defs"]
    assert "failure" in definitions["UnfinishedDetails"]["required"]
    assert "failure" not in definitions["SpeedDetails"]["required"]


def test_the_source_decides_which_type_the_details_have() -> None:
    def types(form: ArtifactFormat[Any]) -> dict[str, str]:
        branches = schema_of(form)["properties"]["details"]["allOf"]
        return {
            branch["if"]["properties"]["source"]["const"]: branch["then"]["$ref"].removeprefix("#/$defs/")
            for branch in branches
        }

    assert types(SPEED) == {
        "run": "SpeedDetails",
        "light_run": "LightDetails",
        "unfinished_run": "UnfinishedDetails",
        "log": "LogDetails",
    }
    assert types(CONVERGENCE) == {"run": "ConvergenceDetails", "unfinished_run": "UnfinishedConvergenceDetails"}


def test_bounds_and_units_are_in_the_schema() -> None:
    step = schema_of(SPEED)["$defs"]["StepSeconds"]["properties"]
    assert step["p50"] == {"type": "number", "exclusiveMinimum": 0, "unit": "s", "description": "median"}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_no_pattern_accepts_a_line_end_after_the_text_or_takes_long(form: ArtifactFormat[Any]) -> None:
    """Python's `$` matches before a last line end. One of these texts takes a careless pattern minutes."""
    patterns = list(patterns_of(schema_of(form)))
    assert len(patterns) >= 5
    for pattern in patterns:
        for piece in ("a", "_a", "/", "a/", "1", " "):
            assert re.search(pattern, piece * 100_000 + " \n") is None
            assert re.search(pattern, f"{piece * 7}\n") is None


def patterns_of(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(pattern := part.get("pattern"), str):
            yield pattern
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from patterns_of(each)
