"""What a person sees: a moving line while a case runs on a terminal, a line per case elsewhere, a table at the end."""

from __future__ import annotations

from collections.abc import Sequence
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
        self._bar.update()

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


def summary_table(rows: Sequence[tuple[dict[str, Any], Path]], base: Path) -> list[str]:
    """The cases of a session: samples/s, those of loader and step alone, step time, data wait, status, artifact."""
    table = [("case", "samples/s", "loader alone", "step alone", "step", "data wait", "status", "artifact")]
    for document, path in rows:
        details = document["details"]
        shown = str(path.relative_to(base) if path.is_relative_to(base) else path)
        if document["JOB_FAIL_FLAG"]:
            table.append((details["case"], *"-----", details["failure"]["kind"], shown))
        else:
            rates = (document["FINAL_RESULT"], details["loader_ceiling"], details["compute_ceiling"])
            speeds = [f"{rate:.3f}" for rate in rates]
            share = f"{details['data_wait_share']:.1%}"
            table.append((details["case"], *speeds, _milliseconds(details), share, "ok", shown))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    numeric = range(1, 6)
    return [
        "  ".join(
            cell.rjust(width) if index in numeric else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _milliseconds(details: dict[str, Any]) -> str:
    return f"{details['step_seconds']['p50'] * 1000:.1f} ms"
