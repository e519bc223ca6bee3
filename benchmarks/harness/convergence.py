"""From a convergence run to its JSON: did the training come to find text, and how soon?"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.harness.details import document, plan_details, progress_details, shared_details, shown_path
from benchmarks.harness.launch import Run
from benchmarks.harness.output import CasePaths
from benchmarks.harness.records import Failure, loss_curve, slowest

KEY = "hmean"
TENTHS = range(1, 11)


def convergence_document(run: Run, paths: CasePaths) -> dict[str, Any]:
    """The convergence JSON of a run. One that ended well still fails where the loss rose, or the target was missed."""
    details = plan_details(run) | {"target": run.plan.target, "evaluations": run.plan.evaluations}
    if run.failure is not None:
        steps = [(record.index, record.losses) for record in run.records]
        curve = loss_curve([step for step in steps if all(map(math.isfinite, step[1].values()))])
        return _document(run, paths, details | progress_details(run), curve, run.ranks[0].scores, None, run.failure)
    told = run.results[0].report["convergence"]
    details |= _measured_details(run, told)
    failure = verdict(told["loss_curve"], told["scores"], run.plan.target)
    value = told["scores"][-1][KEY]
    return _document(run, paths, details, told["loss_curve"], told["scores"], value, failure)


def unfinished_convergence(run: Run, paths: CasePaths) -> dict[str, Any]:
    """The convergence JSON while the case runs."""
    details = plan_details(run) | {"target": run.plan.target, "evaluations": run.plan.evaluations}
    failure = Failure("interrupted", "the case has not finished")
    return _document(run, paths, details | progress_details(run), [], [], None, failure)


def verdict(curve: list[dict[str, float]], scores: list[dict[str, float]], target: float) -> Failure | None:
    """Whether the training failed to train: its loss rose from the first tenth of the curve to the last, or the target
    was missed behind the last step."""
    tenth = max(1, len(curve) // 10)
    first, last = (fmean(point["loss"] for point in part) for part in (curve[:tenth], curve[-tenth:]))
    reached = scores[-1][KEY]
    if len(curve) > 1 and last >= first:
        return Failure("loss_rises", f"the loss went from {first:.4f} to {last:.4f}; {KEY} is {reached:.4f}")
    if reached < target:
        message = f"{KEY} is {reached:.4f} after {scores[-1]['step']:.0f} steps, and {target:g} was to be reached"
        return Failure("target_missed", message)
    return None


def seconds_to_tenths(scores: list[dict[str, float]], target: float) -> list[dict[str, float | None]]:
    """Seconds of training to the first evaluation that reached each tenth of the target; None where none did."""
    wanted = [round(target * tenth / 10, 6) for tenth in TENTHS]
    return [
        {KEY: value, "seconds": next((each["train_seconds"] for each in scores if each[KEY] >= value), None)}
        for value in wanted
    ]


def _document(
    run: Run,
    paths: CasePaths,
    details: dict[str, Any],
    curve: list[dict[str, float]],
    scores: list[dict[str, float]],
    value: float | None,
    failure: Failure | None,
) -> dict[str, Any]:
    """`value` is of the evaluation behind the last step; None where the training did not come to it."""
    more = {
        "convergence_key": KEY,
        "convergence_value": value,
        "loss_curve": curve,
        "scores": scores,
        "seconds_to_tenths": seconds_to_tenths(scores, run.plan.target),
    }
    return document(run, paths.train_log, details, value or 0.0, failure, more)


def _measured_details(run: Run, told: dict[str, Any]) -> dict[str, Any]:
    results = run.results
    window = slowest(results)
    kept = Path(run.plan.keep_folder)
    return shared_details(results) | {
        "train_seconds": window.window_seconds,
        "samples_per_second": run.plan.steps * run.case.batch_size / window.window_seconds,
        "held_out_images": results[0].report["held_out_images"],
        "resumed_at": told["resumed_at"],
        "total_seconds": run.seconds,
        "kept": [shown_path(path) for path in sorted(kept.iterdir()) if not path.name.startswith(".")],
    }
