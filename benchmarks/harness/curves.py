"""A convergence case's curves in a picture beside its artifact: losses, scores on the held-out images, the target."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SIZE_INCHES = (9, 4)


def draw_curves(document: dict[str, Any], path: Path) -> None:
    """Draw what there is; nothing for a document without a loss curve. Raises OSError where it cannot be written."""
    curve = document.get("loss_curve")
    if not curve:
        return
    from matplotlib.figure import Figure  # a second that speed cases need not pay

    figure = Figure(SIZE_INCHES, layout="constrained")
    losses, scores = figure.subplots(1, 2)
    steps = [point["step"] for point in curve]
    for name in (name for name in curve[0] if name != "step"):
        axes = losses if name.startswith("loss") else scores
        style = {"linewidth": 2.0} if name == "loss" else {"linewidth": 1.0, "alpha": 0.7}
        axes.plot(steps, [point[name] for point in curve], label=name, **style)
    for name in ("precision", "recall", document["convergence_key"]):
        found = [(each["step"], each[name]) for each in document["scores"]]
        if found:
            scores.plot(*zip(*found, strict=True), "o-", markersize=4, label=f"{name}, held-out images")
    scores.axhline(document["details"]["target"], color="black", linestyle=":", label="target")
    scores.set_ylim(0, 1.02)
    losses.set_ylim(bottom=0)
    for axes, title in ((losses, "losses"), (scores, "scores")):
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(f"{document['details']['case']}: {document['convergence_key']} {_shown(document)}")
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        figure.savefig(unfinished, format="png", dpi=120)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _shown(document: dict[str, Any]) -> str:
    value = document["convergence_value"]
    return "not measured" if value is None else f"{value:.3f}"
