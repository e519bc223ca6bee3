"""What a person sees: a moving line while a case runs on a terminal, a line per case elsewhere, a table at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from benchmarks.harness.launch import Run
from benchmarks.harness.records import StepRecord


class NoProgress:
    """For pipes and CI, where nothing should move."""

    def step(self, record: StepRecord) -> None:
        pass


class TerminalProgress:
    """Step, samples/s and time left of a running case, in one line that is gone when the case ends."""

    def __init__(self, run: Run) -> None:
        self._samples_per_step = run.case.batch_size
        self._bar = tqdm(
            total=run.plan.total_steps,
            desc=str(run.case),
            leave=False,
            dynamic_ncols=True,
            bar_format="{desc}: {postfix} step {n}/{total} |{bar}| {elapsed} elapsed, {remaining} left",
        )
        self._bar.set_postfix_str("setting up,")

    def step(self, record: StepRecord) -> None:
        speed = f"{self._samples_per_step / record.step_seconds:.2f} samples/s,"
        self._bar.set_postfix_str(f"warm-up, {speed}" if record.warmup else speed, refresh=False)
        self._bar.update(record.index - self._bar.n)  # a training that goes on does not begin at 0

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()


UNSTEADY = 1.3


def result_line(document: dict[str, Any]) -> str:
    """A finished case in one line."""
    details = document["details"]
    name = details["case"]
    if document["JOB_FAIL_FLAG"]:
        return f"{name}: {failure_line(document)}"
    if "convergence_key" in document:
        return (
            f"{name}: {document['convergence_key']} {document['convergence_value']:.3f} after "
            f"{details['measured_steps']} steps, {details['train_seconds']:.0f} s of training"
        )
    return (
        f"{name}: {document['FINAL_RESULT']:.3f} samples/s, {_milliseconds(details)} a step, "
        f"{details['data_wait_share']:.1%} waiting for data{_unsteadiness(details)}"
    )


def _unsteadiness(details: dict[str, Any]) -> str:
    """A warning where steps differ so much that the machine was hardly left alone; else nothing."""
    p50, p95 = details["step_seconds"]["p50"], details["step_seconds"]["p95"]
    return f"; unsteady: one step in twenty takes {p95 / p50:.1f} x the median" if p95 > UNSTEADY * p50 else ""


def failure_line(document: dict[str, Any]) -> str:
    failure = document["details"]["failure"]
    rank = "" if failure["rank"] is None else f" (rank {failure['rank']})"
    return f"{failure['kind']}{rank}: {failure['message']}"


Rows = Sequence[tuple[dict[str, Any], Path]]


def summary_tables(rows: Rows, base: Path) -> list[tuple[str, list[str]]]:
    """Title and lines of a table of a session's speed cases, and of one of its convergence cases."""
    convergence = [row for row in rows if "convergence_key" in row[0]]
    speed = [row for row in rows if row not in convergence]
    made = [
        ("OCR training speed", speed, SPEED_COLUMNS, _speed_cells),
        ("OCR training convergence", convergence, CONVERGENCE_COLUMNS, _convergence_cells),
    ]
    return [
        (title, _table([columns, *(_cells(row, base, cells, len(columns)) for row in own)]))
        for title, own, columns, cells in made
        if own
    ]


SPEED_COLUMNS = ("case", "samples/s", "loader alone", "step alone", "step", "data wait", "status", "artifact")
CONVERGENCE_COLUMNS = ("case", "hmean", "target", "steps", "training", "loss", "status", "artifact")


def _speed_cells(document: dict[str, Any]) -> list[str]:
    """Samples/s, those of loader and step alone, step time, data wait."""
    details = document["details"]
    rates = (document["FINAL_RESULT"], details["loader_ceiling"], details["compute_ceiling"])
    return [*(f"{rate:.3f}" for rate in rates), _milliseconds(details), f"{details['data_wait_share']:.1%}"]


def _convergence_cells(document: dict[str, Any]) -> list[str]:
    details = document["details"]
    losses = [document["loss_curve"][end]["loss"] for end in (0, -1)]
    return [
        f"{document['convergence_value']:.3f}",
        f"{details['target']:.3f}",
        f"{details['measured_steps']}",
        f"{details['train_seconds']:.0f} s",
        "{:.3f} -> {:.3f}".format(*losses),
    ]


def _cells(row: tuple[dict[str, Any], Path], base: Path, cells: Callable[..., list[str]], count: int) -> list[str]:
    """Case, `cells` where the run has come to its end, status, artifact."""
    document, path = row
    details = document["details"]
    shown = str(path.relative_to(base) if path.is_relative_to(base) else path)
    failed = document["JOB_FAIL_FLAG"]
    unmeasured = failed and document.get("convergence_value") is None
    middle = ["-"] * (count - 3) if unmeasured else cells(document)
    return [details["case"], *middle, details["failure"]["kind"] if failed else "ok", shown]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = range(1, len(widths) - 2)
    return [
        "  ".join(
            cell.rjust(width) if index in numeric else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _milliseconds(details: dict[str, Any]) -> str:
    return f"{details['step_seconds']['p50'] * 1000:.1f} ms"
