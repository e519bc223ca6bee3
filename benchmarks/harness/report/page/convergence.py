"""What the page shows of a convergence case."""

from __future__ import annotations

from benchmarks.harness.protocol.samples import MAX_BYTES, SAMPLES
from benchmarks.harness.report.page import charts
from benchmarks.harness.report.page.charts import thinned
from benchmarks.harness.report.page.drawing import Line
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import MISSING, amount, shown
from benchmarks.harness.report.page.sections import CasePage, Cell, Chart, KeyFigure, Note, Picture, Section, Table
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact, ConvergenceDetails
from ocr_models.errors import DataError
from ocr_models.files import read_regular_file

JPEG = b"\xff\xd8\xff"
NOT_SCORES = ("step", "training_seconds")


def convergence_page(case: ShownCase) -> CasePage:
    """The row and the sections of a convergence case."""
    artifact = case.artifact
    assert isinstance(artifact, ConvergenceArtifact)
    drawn = [chart for chart in (_losses(case, artifact), _scores(case, artifact)) if chart is not None]
    sections = [_result(artifact), Section("Course of the training", charts=drawn), _time_to_target(artifact)]
    sections.append(_samples(case))
    return CasePage(_cells(artifact), sections)


def _samples(case: ShownCase) -> Section:
    """What the trained model predicts; empty without a picture."""
    folder = case.output / "convergence" / case.train_log.name.removesuffix(f"_{case.measurement.name}")
    try:
        content = read_regular_file(folder / SAMPLES, MAX_BYTES)
    except (DataError, ValueError):
        return Section("Samples")
    if not content.startswith(JPEG):
        return Section("Samples")
    text = f"What {case.name} predicts for samples that are scored; its title says how they were chosen."
    return Section("Samples", pictures=[Picture("Predictions after the training", text, "jpeg", content)])


def _cells(artifact: ConvergenceArtifact) -> dict[str, Cell]:
    details, curve = artifact.details, artifact.loss_curve
    done = details if isinstance(details, ConvergenceDetails) else None
    return {
        "score": Cell(artifact.convergence_key),
        "reached": amount(artifact.convergence_value),
        "target": amount(details.target),
        "steps": amount(details.measured_steps, str(details.measured_steps)),
        "training (s)": amount(None if done is None else done.training_seconds),
        "samples/s": amount(None if done is None else done.samples_per_second),
        "loss, last": amount(curve[-1].get("loss")) if curve else MISSING,
    }


def _result(artifact: ConvergenceArtifact) -> Section:
    details = artifact.details
    value = artifact.convergence_value
    figures = [
        KeyFigure(
            f"Score: {artifact.convergence_key}",
            "not measured" if value is None else f"{value:.3f}",
            f"target {details.target:.3f}",
        )
    ]
    notes = []
    if isinstance(details, ConvergenceDetails):
        figures.append(KeyFigure("Training", shown(details.training_seconds, "s"), f"{details.measured_steps} steps"))
        figures.append(KeyFigure("Throughput", shown(details.samples_per_second, "samples/s"), "of the training"))
        if details.held_out_is_training:
            notes.append(Note("The training samples are scored: that shows that the training works, no more."))
        notes += [Note(f"Interrupted after step {step}, and resumed.") for step in details.resumed_at]
    return Section("Result", figures=figures, notes=notes)


def _losses(case: ShownCase, artifact: ConvergenceArtifact) -> Chart | None:
    curve = artifact.loss_curve
    names = [name for name in (curve[0] if curve else ()) if name.startswith("loss")][: charts.SERIES]
    if not names:
        return None
    most = max(12, case.points // len(names))
    series = [Line(name, thinned([(point["step"], point.get(name)) for point in curve], most)) for name in names]
    first, last = curve[0]["loss"], curve[-1]["loss"]
    table = Table(
        "First and last point",
        ("loss", "first", "last"),
        [[name, amount(curve[0].get(name)), amount(curve[-1].get(name))] for name in names],
    )
    text = f"Mean losses over the steps; the loss falls from {first:.4g} to {last:.4g}."
    return charts.lines("Losses", text, series, x_label="step", y_label="loss", table=table)


def _scores(case: ShownCase, artifact: ConvergenceArtifact) -> Chart | None:
    points, target = artifact.scores, artifact.details.target
    names = [name for name in (points[0] if points else ()) if name not in NOT_SCORES][: charts.SERIES]
    if not names:
        return None
    key = artifact.convergence_key
    names.sort(key=lambda name: name != key)
    series = [
        Line(name, thinned([(point["step"], point.get(name)) for point in points], case.points), dots=name == key)
        for name in names
    ]
    text = f"Scores after {len(points)} evaluations, from 0 to 1; {key} ends at {points[-1].get(key, 0):.3f}."
    return charts.lines(
        "Scores", text, series, x_label="step", y_label="score", level=(target, f"target {target:.3f}"), highest=1.0
    )


def _time_to_target(artifact: ConvergenceArtifact) -> Section:
    target = artifact.details.target
    rows: list[list[Cell | str]] = [
        [f"{10 * (number + 1)} %", amount(each.value), amount(each.seconds)]
        for number, each in enumerate(artifact.seconds_to_tenths)
    ]
    last = artifact.seconds_to_tenths[-1].seconds
    value = "not reached" if last is None else shown(last, "s")
    figures = [KeyFigure("Time to target", value, f"{artifact.convergence_key} of {target:.3f}")]
    table = Table("Training until a part of the target was reached", ("of the target", "score", "training (s)"), rows)
    return Section("Time to target", figures=figures, tables=[table])
