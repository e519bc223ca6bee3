"""One run of a side: its own public command in fresh processes, read from the speed JSON that it leaves."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from msgspec import structs

from benchmarks.compare.document import RunFigures
from benchmarks.compare.runs.details import text
from benchmarks.compare.runs.figures import ArtifactError, failed_run, read_speed_json, run_figures
from benchmarks.compare.sides.open_side import LIGHT, OpenSide
from benchmarks.compare.sides.pytest_log import is_skipped, reason_in
from benchmarks.compare.sides.side_options import option_value
from benchmarks.harness.controller.commands import Ended, Interruption, run_command
from benchmarks.harness.controller.termination import handled
from benchmarks.harness.results.redaction import redact

LOG = "pytest.log"
CASE_SECONDS = 900.0  # the default of --ocr-timeout
MARGIN_SECONDS = 300.0
"""For all that is not the case: start of pytest, synthetic data, reports. The suite itself ends a case that hangs."""

END_SECONDS = 30.0
"""After Ctrl-C: a case that is asked to end writes its artifact first."""


def run(
    side: OpenSide,
    case: str,
    folder: Path,
    *,
    options: Sequence[str] = (),
    light: bool = False,
    timeout_seconds: float | None = None,
    document_folder: Path | None = None,
    interruption: Interruption | None = None,
) -> RunFigures:
    """Measure a case once. A failed run raises nothing: its `failure` says why.

    Args:
        side: what is measured.
        case: of the comparison; a side with `case:` measures its own.
        folder: of this run. Artifacts that an interrupted attempt left there are removed.
        options: of pytest, for both sides.
        light: leave out the probes if the suite of the side can.
        timeout_seconds: after which the command is ended; by default more than the case's own limit.
        document_folder: to which `artifact` is relative; by default two above `folder`.
        interruption: of the comparison: one that came before the run ends it, too.

    Raises:
        KeyboardInterrupt: after Ctrl-C, SIGTERM or SIGHUP; the processes have ended.
        OSError: if the folder cannot be written.
    """
    folder, base = folder.absolute(), (document_folder or folder.absolute().parents[1]).absolute()
    for left in ("index", "train_log"):
        shutil.rmtree(folder / left, ignore_errors=True)
    words = [*options, *side.side.options]
    command = [str(side.python), "-m", "pytest", "benchmarks", *words]
    command += ["--ocr-case", side.side.case_for(case), f"--ocr-output={folder}"]
    command += [LIGHT] if light and side.light else []
    command += ["-rsfE", "--color=no", "-p", "no:cacheprovider"]
    limit = guard_seconds(words) if timeout_seconds is None else timeout_seconds
    started_at, interruption = datetime.now(timezone.utc), interruption or Interruption()
    with handled(interruption.note):
        ended = run_command(
            command,
            folder / LOG,
            folder=side.tree,
            environment=side.environment,
            limit_seconds=limit,
            end_seconds=END_SECONDS,
            interruption=interruption,
        )
    if ended.interrupted or interruption.came:
        raise KeyboardInterrupt
    return _figures(side, folder, base, ended, limit, started_at)


def guard_seconds(words: Sequence[str]) -> float:
    """The time limit of a command with these options: beyond that of its case, so that the suite can say what hangs."""
    given = option_value(words, "--ocr-timeout")
    try:
        return float(given or CASE_SECONDS) + MARGIN_SECONDS
    except ValueError:
        return CASE_SECONDS + MARGIN_SECONDS  # pytest refuses it at once


def artifact_of(folder: Path) -> Path | None:
    """The only speed JSON that a run left; None if there is none, or several."""
    found = [path for path in sorted((folder / "index").glob("*_speed")) if path.is_file()]
    return found[0] if len(found) == 1 else None


def _figures(side: OpenSide, folder: Path, base: Path, ended: Ended, limit: float, started_at: datetime) -> RunFigures:
    path, log = artifact_of(folder), folder / LOG
    shown = _relative(path or log, base)
    if path is None:
        return failed_run(shown, started_at, ended.seconds, _cause(ended, log, limit))
    figures = run_figures(path, artifact=shown, started_at=started_at, command_seconds=ended.seconds)
    failure = figures.failure or _other_code(side, path)
    if failure is None and (ended.code or ended.timed_out):
        failure = f"the artifact is good, but {_cause(ended, log, limit)}"
    if failure is None:
        return figures
    return structs.replace(
        figures, samples_per_second=None, cpu_seconds_per_sample=None, cpu_source=None, failure=failure
    )


def _cause(ended: Ended, log: Path, limit: float) -> str:
    """Why a command left no artifact."""
    if ended.error:
        return f"pytest {ended.error}"
    if ended.timed_out:
        return f"timeout: pytest was ended after {limit:.0f} s"
    printed = log.read_text(encoding="utf-8", errors="replace")
    reason = reason_in(printed) or "it printed nothing"
    if ended.code == 0:
        return f"the case was skipped: {reason}" if is_skipped(printed) else f"pytest ran no case: {reason}"
    if ended.code is not None and ended.code < 0:
        return f"pytest was ended by signal {-ended.code}: {reason}"
    return f"pytest exit code {ended.code}: {reason}"


def _other_code(side: OpenSide, path: Path) -> str | None:
    """Whether other code than that of the side's tree was measured."""
    try:
        found = text(read_speed_json(path), "details.environment.git_commit")
    except ArtifactError:
        return None
    commit = side.description.commit
    if found is None or commit is None or found == commit:
        return None
    return (
        f"commit {found[:7]} was measured instead of {commit[:7]}: the interpreter imported another checkout; "
        "uninstall it there, or take it out of PYTHONPATH"
    )


def _relative(path: Path, base: Path) -> str:
    return str(path.relative_to(base)) if path.is_relative_to(base) else redact(str(path))
