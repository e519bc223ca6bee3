"""Whether ranks that ended well contradict each other, or themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.harness.protocol.records import Failure, RankResult
from benchmarks.harness.protocol.reports import GraphCheck, ReferenceCheck
from benchmarks.harness.results.gradient_scaling import gradient_scaling
from benchmarks.harness.results.rank_differences import mismatch_of, rank_differences

MAX_GRADIENT_DIFFERENCE = 1.0
"""Of a compiled step, relative to the gradient without compilation. Rounding in 16 bits makes a part of it; an
unrelated gradient of the same norm differs by 1.4, one with the wrong sign by 2.
"""


def disagreement(results: Sequence[RankResult]) -> Failure | None:
    """The first contradiction among the results of all ranks; None if there is none."""
    first = results[0]
    for other in results[1:]:
        if len(other.measured) != len(first.measured):
            message = f"rank {other.rank} measured {len(other.measured)} steps, rank 0 {len(first.measured)}"
            return Failure("rank_mismatch", message, other.rank)
        if gradient_scaling(other.records) != gradient_scaling(first.records):
            message = f"the gradient scaler of rank {other.rank} skipped other steps than that of rank 0"
            return Failure("rank_mismatch", message, other.rank)
        if other.report.parameters_sha256 != first.report.parameters_sha256:
            message = f"after the last step the parameters of rank {other.rank} differ from those of rank 0"
            return Failure("rank_mismatch", message, other.rank)
    if mismatch := mismatch_of(rank_differences(results)):
        return Failure("rank_mismatch", mismatch)
    for result in results:
        losses = {record.losses["loss"] for record in result.records}
        if len(result.records) > 1 and len(losses) == 1:
            message = (
                f"the loss is {losses.pop():g} at every step: nothing is trained, "
                "or no sample contains text that the model can learn"
            )
            return Failure("constant_loss", message, result.rank)
    return None


def wrong_result(check: ReferenceCheck | None) -> str | None:
    """What a reference check shows to be wrong, one line; None if all is well, or if there was no check."""
    if check is None:
        return None
    return _wrong_figure("a step on fixed weights and images", check, check.reference)


def wrong_graph(check: GraphCheck | None) -> str | None:
    """What shows that a compiled step differs from the same step without compilation, one line; None if nothing."""
    if check is None:
        return None
    if wrong := _wrong_figure("a compiled step, compared with one without compilation,", check, check.eager):
        return wrong
    if check.gradient_difference is None or check.gradient_difference > MAX_GRADIENT_DIFFERENCE:
        return (
            "the gradient of a compiled step has another direction than that of one without compilation: relative to "
            f"it, their difference is {_shown(check.gradient_difference)}, and at most {MAX_GRADIENT_DIFFERENCE:g} is "
            "allowed"
        )
    return None


def _wrong_figure(
    step: str, check: ReferenceCheck | GraphCheck, expected: Mapping[str, int | float | None]
) -> str | None:
    figures = check.figures
    if figures.get("parameters") != expected.get("parameters"):
        counts = f"{_shown(figures.get('parameters'))} of {_shown(expected.get('parameters'))} parameters"
        return f"in {step} {counts} get a gradient: a part of the model is not trained"
    for name, deviation in check.deviation.items():
        limit = check.tolerance.get(name, check.tolerance.get("loss", 0.0))
        if deviation is None or not deviation <= limit:
            values = f"{_shown(figures.get(name))} instead of {_shown(expected.get(name))}"
            off = "" if deviation is None else f"{deviation:.1%} off, "
            return f"the {name} of {step} is {values}: {off}at most {limit:.1%} is allowed"
    return None


def _shown(value: float | None) -> str:
    return "missing or not finite" if value is None else f"{value:.6g}"
