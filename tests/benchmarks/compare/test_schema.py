"""The schema of the comparison document, and its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from benchmarks.compare.document import Comparison
from benchmarks.compare.schema import comparison_page, comparison_problems, comparison_schema
from compared import comparison


def document() -> Any:
    return msgspec.to_builtins(comparison())


def test_a_document_fits() -> None:
    assert comparison_problems(document()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda it: it.pop("base"), "document: 'base' is a required property"),
        (lambda it: it.update(more=1), "document: Additional properties are not allowed ('more' was unexpected)"),
        (lambda it: it["cases"].clear(), "cases: [] "),
        (lambda it: it["cases"][0].update(base_case="a case"), "cases.0.base_case: 'a case' does not match"),
        (lambda it: it["cases"][0]["pairs"][0].update(ratio=0.0), "cases.0.pairs.0.ratio: 0.0 "),
        (
            lambda it: it["cases"][0]["pairs"][0]["base"].pop("cpu_source"),
            "cases.0.pairs.0.base: 'cpu_source' is",
        ),
        (lambda it: it["cases"][0]["verdict"].update(word="quick"), "cases.0.verdict.word: 'quick' is not one of"),
        (lambda it: it["procedure"].update(allowed_slowdown=1.0), "procedure.allowed_slowdown: 1.0 is greater than or"),
        (lambda it: it.update(schema_version=2), "schema_version: 2 is not one of [1]"),
        (lambda it: it.update(measuring_seconds=float("nan")), "document: contains NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[Any], object], problem: str) -> None:
    changed = document()
    change(changed)
    assert comparison_problems(changed)[0].startswith(problem)


def test_every_field_is_required_and_has_a_meaning_on_the_page() -> None:
    schema, page = comparison_schema(), comparison_page()
    assert schema["required"] == list(Comparison.__struct_fields__)
    for name, definition in schema["$defs"].items():
        assert f"### {name}\n" in page
        assert definition["required"] == list(definition["properties"])
        for field in definition["properties"]:
            assert f"| `{field}` |" in page
