"""Whether a reference check was made as the suite makes it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec import structs

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.reference import TOLERANCES
from benchmarks.harness.protocol.reports import GraphCheck, ReferenceCheck
from benchmarks.harness.results.checks.reference import graph_contradictions, reference_contradictions
from ocr_models import MODELS
from samples import graph_check, reference_check

CASE = parse_case("psenet_sp_bs2_fp32_cpu1")
GOOD = reference_check(loss=0.4876)


def other(field: str, **changed: Any) -> ReferenceCheck:
    """A good check with other values in one of its dicts; None removes a value from it."""
    values = {**getattr(GOOD, field), **changed}
    return structs.replace(GOOD, **{field: {name: value for name, value in values.items() if value is not None}})


def test_a_check_as_the_suite_makes_it_contains_none() -> None:
    assert reference_contradictions(GOOD, CASE) == []


@pytest.mark.parametrize(
    ("check", "named"),
    [
        (None, "null, but psenet has reference figures"),
        (reference_check(loss=0.7), "the loss of a step on fixed weights and images is 0.7 instead of 0.487516"),
        (other("deviation", loss=0.0), "deviation of loss is 0, but the figures yield 0.000172018"),
        (other("deviation", targets=None), "deviation of targets is missing or null, but the figures yield 0"),
        (other("deviation", loss_new=0.0), "deviation of loss_new is 0, but the figures yield missing or null"),
        (other("tolerance", loss=0.0011), "tolerance of loss is 0.0011, but the suite allows 0.001 in fp32"),
        (other("tolerance", loss_text=1.0), "tolerance of loss_text is 1, but the suite allows 0.001 in fp32"),
        (structs.replace(GOOD, tolerance=TOLERANCES["bf16"]), "tolerance of gradient_norm is 0.15"),
        (other("reference", loss=0.4875), "is not that of psenet"),
        (other("reference", loss_text=None), "is not that of psenet"),
    ],
)
def test_what_the_suite_would_not_report_is_named(check: ReferenceCheck | None, named: str) -> None:
    lines = reference_contradictions(check, CASE)
    assert any(named in line for line in lines), lines


COMPILED = parse_case("psenet_sp_bs2_fp32_compile_cpu1")
FALLBACK = structs.replace(GOOD, compiled=True)
GRAPH = graph_check(loss=0.7001)


@pytest.mark.parametrize(
    ("case", "check", "graph"), [(CASE, GOOD, None), (COMPILED, GOOD, GRAPH), (COMPILED, FALLBACK, None)]
)
def test_steps_that_were_checked_as_the_suite_does_contain_none(
    case: Case, check: ReferenceCheck, graph: GraphCheck | None
) -> None:
    assert graph_contradictions(check, graph, case) == []


@pytest.mark.parametrize(
    ("case", "check", "graph", "named"),
    [
        (COMPILED, GOOD, None, "graph_check: null, but nothing else checks the compiled step"),
        (COMPILED, FALLBACK, GRAPH, "reference_check: of a compiled step, but the case is not compiled or has a graph"),
        (CASE, FALLBACK, None, "reference_check: of a compiled step, but the case is not compiled or has a graph"),
        (CASE, GOOD, GRAPH, "graph_check: psenet_sp_bs2_fp32_cpu1 is not compiled"),
        (COMPILED, GOOD, graph_check(loss=0.6), "graph_check: the loss of a compiled step, compared with one without"),
        (COMPILED, GOOD, graph_check(parameters=190), "190 of 192 parameters get a gradient"),
        (COMPILED, GOOD, graph_check(gradient_norm=None), "the gradient_norm of a compiled step"),
        (
            COMPILED,
            GOOD,
            structs.replace(graph_check(loss=0.6), deviation=GRAPH.deviation),
            "graph_check: deviation of loss is 0.000142857, but the figures yield 0.142857",
        ),
        (
            COMPILED,
            GOOD,
            structs.replace(GRAPH, tolerance={"loss": 0.5, "gradient_norm": 5e-3}),
            "graph_check: tolerance of loss is 0.5, but the suite allows 0.001 in fp32",
        ),
        (
            COMPILED,
            GOOD,
            structs.replace(GRAPH, deviation={"loss": 0.0}),
            "graph_check: deviation of gradient_norm is missing or null, but the figures yield 0",
        ),
    ],
)
def test_a_compiled_step_that_was_not_checked_or_is_wrong_is_named(
    case: Case, check: ReferenceCheck | None, graph: GraphCheck | None, named: str
) -> None:
    lines = graph_contradictions(check, graph, case)
    assert any(named in line for line in lines), lines


def test_a_model_without_figures_needs_no_check_but_a_check_must_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = reference_check(loss=0.7)
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], reference_figures=None))
    assert reference_contradictions(None, CASE) == []
    assert reference_contradictions(GOOD, CASE) == []
    assert reference_contradictions(wrong, CASE) != []
    assert reference_contradictions(other("deviation", loss=0.0), CASE) != []
