"""Pictures next to artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact, ConvergenceDetails
from ocr_models.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (9, 4)
DOTS_PER_INCH = 120
MARGIN = 1.02  # of the upper limit of scores


def draw_curves(artifact: ConvergenceArtifact, path: Path) -> None:
    """Draw losses, scores and the target; nothing if there is no loss curve.

    Raises:
        OSError: if the file cannot be written.
    """
    if not artifact.loss_curve:
        return
    from matplotlib.figure import Figure  # a second that speed cases need not spend

    figure = Figure(SIZE_INCHES, layout="constrained")
    losses, scores = figure.subplots(1, 2)
    _draw_loss_curve(artifact, losses, scores)
    _draw_scores(artifact, scores)
    for axes, title in ((losses, "losses"), (scores, "scores")):
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    value = artifact.convergence_value
    shown = "not measured" if value is None else f"{value:.3f}"
    figure.suptitle(f"{artifact.details.case}: {artifact.convergence_key} {shown}")
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=DOTS_PER_INCH)


def _draw_loss_curve(artifact: ConvergenceArtifact, losses: Axes, scores: Axes) -> None:
    """Losses to the left; what else the training logs, such as IoU, to the scores."""
    curve = artifact.loss_curve
    steps = [point["step"] for point in curve]
    for name in (name for name in curve[0] if name != "step"):
        axes = losses if name.startswith("loss") else scores
        minimised = name == "loss"
        axes.plot(
            steps,
            [point[name] for point in curve],
            label=name,
            linewidth=2.0 if minimised else 1.0,
            alpha=1.0 if minimised else 0.7,
        )
    losses.set_ylim(bottom=0)


def _draw_scores(artifact: ConvergenceArtifact, axes: Axes) -> None:
    names = [name for name in (artifact.scores or [{}])[0] if name not in ("step", "training_seconds")]
    details = artifact.details
    by_heart = isinstance(details, ConvergenceDetails) and details.held_out_is_training
    samples = "training samples" if by_heart else "held-out"
    for name in names:
        found = [(each["step"], each[name]) for each in artifact.scores]
        axes.plot(*zip(*found, strict=True), "o-", markersize=4, label=f"{name}, {samples}")
    axes.axhline(artifact.details.target, color="black", linestyle=":", label="target")
    axes.set_ylim(0, MARGIN)
