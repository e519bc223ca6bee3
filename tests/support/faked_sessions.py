"""Sessions whose launch is a fake, and what they leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller import session as sessions
from benchmarks.harness.controller.session import BenchmarkSession
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.report.progress import NoDisplay
from benchmarks.harness.results import store
from benchmarks.harness.results.measurements import MEASUREMENTS
from samples import KILLED, converged_run, finished_run

CASE = parse_case("psenet_sp_bs2_fp32_cpu1")
Launch = Callable[[Run, Path, Any], None]


def end_well(run: Run, log_path: Path, display: Any) -> None:
    done = finished_run(str(run.case))
    run.ranks, run.seconds = done.ranks, done.seconds
    run.phase_seconds, run.parts = done.phase_seconds, done.parts
    run.finished_at = run.started_at + run.seconds


def fail(run: Run, log_path: Path, display: Any) -> None:
    run.failure = KILLED


def interrupt(run: Run, log_path: Path, display: Any) -> None:
    run.failure, run.interrupted = Failure("interrupted", "ended by Ctrl-C"), True


def session(
    monkeypatch: pytest.MonkeyPatch, output: Path, launch: Launch, said: list[str] | None = None, **settings: Any
) -> BenchmarkSession:
    monkeypatch.setattr(sessions, "launch", launch)
    says = [] if said is None else said
    return BenchmarkSession(
        Settings(output=output, **settings), open_display=lambda run: nullcontext(NoDisplay()), say=says.append
    )


def converge(run: Run, log_path: Path, display: Any) -> None:
    """A good training, with the files that its rank and its log would leave."""
    done = converged_run(log_path.parents[1], str(run.case))
    run.plan = done.plan
    run.ranks, run.seconds, run.finished_at = done.ranks, done.seconds, run.started_at + done.seconds
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.write_text("of a good training")


def trained(output: Path) -> Any:
    return store.read(output / "index" / f"{CASE.log_name}_convergence")


def drawing(monkeypatch: pytest.MonkeyPatch, draw: Callable[[Any, Path], None]) -> Any:
    """The measurement of convergence with a picture that takes no time."""
    monkeypatch.setattr(sessions, "_draw_for_test", draw, raising=False)
    return dataclasses.replace(MEASUREMENTS["convergence"], picture=f"{sessions.__name__}:_draw_for_test")


def draw_nothing(artifact: Any, path: Path) -> None:
    path.touch()
