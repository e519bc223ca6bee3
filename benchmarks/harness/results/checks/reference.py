"""Whether a reference check that an artifact reports was made as the suite makes it, and what it shows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.cases import Case
from benchmarks.harness.protocol.reference import COUNT, TOLERANCES, deviation
from benchmarks.harness.protocol.reports import GraphCheck, ReferenceCheck
from benchmarks.harness.results.checks.ranks import wrong_graph, wrong_result
from ocr_models import MODELS


def reference_contradictions(check: ReferenceCheck | None, case: Case) -> list[str]:
    """What contradicts a good step, a line each: the check is missing, was not made with the figures of the model, is
    more tolerant than the suite, has deviations that do not follow from its figures, or shows a wrong step.
    """
    expected = MODELS[case.model].reference_figures
    if check is None:
        return [] if expected is None else [f"null, but {case.model} has reference figures"]
    wrong = wrong_result(check)
    return [
        *([] if wrong is None else [wrong]),
        *_other_reference(check, case),
        *_wider_tolerances(check, case),
        *_wrong_deviations(check, check.reference),
    ]


def graph_contradictions(reference: ReferenceCheck | None, graph: GraphCheck | None, case: Case) -> list[str]:
    """What contradicts a good compiled step of one rank, a line each. The step of a compiled case is checked without
    compilation, and then its graph is compared with that step; else, for want of memory, a compiled step is checked.
    """
    found = [] if graph is None else [f"graph_check: {line}" for line in _wrong_graph(graph, case)]
    if reference is not None and reference.compiled != (case.compile and graph is None):
        found.append(
            "reference_check: of a compiled step, but the case is not compiled or has a graph_check"
            if reference.compiled
            else "graph_check: null, but nothing else checks the compiled step"
        )
    return found


def _wrong_graph(check: GraphCheck, case: Case) -> list[str]:
    wrong = wrong_graph(check)
    return [
        *([] if case.compile else [f"{case} is not compiled"]),
        *([] if wrong is None else [wrong]),
        *_wider_tolerances(check, case),
        *_wrong_deviations(check, check.eager),
    ]


def _other_reference(check: ReferenceCheck, case: Case) -> list[str]:
    expected = MODELS[case.model].reference_figures
    if expected is None or check.reference == dict(expected):
        return []
    return [f"reference {check.reference} is not that of {case.model}, {dict(expected)}"]


def _wider_tolerances(check: ReferenceCheck | GraphCheck, case: Case) -> list[str]:
    limits = TOLERANCES[case.precision]
    return [
        f"tolerance of {name} is {tolerance:g}, but the suite allows {limit:g} in {case.precision}"
        for name, tolerance in check.tolerance.items()
        if not tolerance <= (limit := limits.get(name, limits["loss"]))
    ]


def _wrong_deviations(check: ReferenceCheck | GraphCheck, expected: Mapping[str, int | float | None]) -> list[str]:
    found = []
    for name in sorted({*expected, *check.deviation} - {COUNT}):
        reported, value = check.deviation.get(name), expected.get(name)
        right = None if value is None else deviation(check.figures.get(name), value)
        if name not in expected or name not in check.deviation or not _same(reported, right):
            found.append(f"deviation of {name} is {_shown(reported)}, but the figures yield {_shown(right)}")
    return found


def _same(reported: float | None, right: float | None) -> bool:
    if reported is None or right is None:
        return reported is right
    return math.isclose(reported, right, rel_tol=1e-6, abs_tol=1e-9)


def _shown(value: float | None) -> str:
    return "missing or null" if value is None else f"{value:g}"
