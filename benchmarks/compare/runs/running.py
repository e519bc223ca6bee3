"""One run of a side: its own public command in fresh processes, read from the speed JSON that it leaves."""

from __future__ import annotations

import configparser
import shlex
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.compare.document import RunFigures
from benchmarks.compare.runs.figures import ArtifactError, failed_run, read_speed_json, run_figures, without_result
from benchmarks.compare.sides.git import answer
from benchmarks.compare.sides.open_side import OpenSide
from benchmarks.compare.sides.pytest_log import is_skipped, reason_in
from benchmarks.compare.sides.side_options import LIGHT, option_value
from benchmarks.harness.controller.commands import Ended, Interruption, run_command
from benchmarks.harness.controller.termination import handled
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.documents import Document, at, text
from benchmarks.harness.results.redaction import redact

LOG = "pytest.log"
TIMEOUT = "--ocr-timeout"
CASE_SECONDS = 900.0  # the default of TIMEOUT
MARGIN_SECONDS = 300.0
"""For all that is not the case: start of pytest, synthetic data, reports. The suite itself ends a case that hangs."""

ASKED = {"--ocr-seed": "seed", "--ocr-steps": "measured_steps"}
"""Options that every run gets, and the fields of `details` that they become."""

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
    if option_value(words, TIMEOUT) is None:  # the suite of a side may have another default
        words += [TIMEOUT, timeout_elsewhere(side)]
    command = [str(side.python), "-m", "pytest", "benchmarks", *words]
    command += ["--ocr-case", side.side.case_for(case), f"--ocr-output={folder}"]
    light = light and side.light
    command += [LIGHT] if light else []
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
    if ended.interrupted:
        raise KeyboardInterrupt
    asked = {"case": side.side.case_for(case)}
    asked |= {name: value for option, name in ASKED.items() if (value := option_value(words, option)) is not None}
    found = _figures(side, folder, base, ended, limit, started_at, asked, light)
    if interruption.came and found.failure is not None:  # perhaps by the same signal; a run that is complete counts
        raise KeyboardInterrupt
    return found


def guard_seconds(words: Sequence[str]) -> float:
    """The time limit of a command with these options: beyond that of its case, so that the suite can say what hangs."""
    try:
        return float(option_value(words, TIMEOUT) or CASE_SECONDS) + MARGIN_SECONDS
    except ValueError:
        return CASE_SECONDS + MARGIN_SECONDS  # pytest refuses it at once


def timeout_elsewhere(side: OpenSide) -> str:
    """The time limit of a case that PYTEST_ADDOPTS or the pytest.ini of the side gives, else the default."""
    ini = configparser.RawConfigParser()
    try:
        ini.read(side.tree / "pytest.ini", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):  # pytest says what is wrong with it
        ini.clear()
    texts = [side.environment.get("PYTEST_ADDOPTS", ""), ini.get("pytest", "addopts", fallback="")]
    for text_of_options in texts:
        try:
            found = option_value(shlex.split(text_of_options), TIMEOUT)
        except ValueError:
            continue
        if found is not None:
            return found
    return ini.get("pytest", "ocr_timeout", fallback=f"{CASE_SECONDS:g}")


def artifact_of(folder: Path) -> Path | None:
    """The only speed JSON that a run left; None if there is none, or several."""
    found = _artifacts(folder)
    return found[0] if len(found) == 1 else None


def _artifacts(folder: Path) -> list[Path]:
    return [path for path in sorted((folder / "index").glob("*_speed")) if path.is_file()]


def _figures(
    side: OpenSide,
    folder: Path,
    base: Path,
    ended: Ended,
    limit: float,
    started_at: datetime,
    asked: Mapping[str, str],
    light: bool,
) -> RunFigures:
    path, log = artifact_of(folder), folder / LOG
    shown = _relative(path or log, base)
    if path is None:
        return failed_run(shown, started_at, ended.seconds, _cause(ended, log, limit), light)
    figures = run_figures(path, artifact=shown, started_at=started_at, command_seconds=ended.seconds)
    failure = figures.failure or _not_asked(side, path, asked, light)
    if failure is None and (ended.code or ended.timed_out):
        failure = f"the artifact is good, but {_cause(ended, log, limit)}"
    if failure is None:
        return figures
    return without_result(figures, failure)


def _cause(ended: Ended, log: Path, limit: float) -> str:
    """Why a command left no artifact."""
    if ended.error:
        return f"pytest {ended.error}"
    if ended.timed_out:
        return f"timeout: pytest was ended after {limit:.0f} s"
    printed = log.read_text(encoding="utf-8", errors="replace")
    reason = reason_in(printed) or "it printed nothing"
    if ended.code == 0:
        if is_skipped(printed):
            return f"the case was skipped: {reason}"
        return f"pytest left {len(_artifacts(log.parent)) or 'no'} files index/*_speed instead of one: {reason}"
    if ended.code is not None and ended.code < 0:
        return f"pytest was ended by signal {-ended.code}: {reason}"
    return f"pytest exit code {ended.code}: {reason}"


def _not_asked(side: OpenSide, path: Path, asked: Mapping[str, str], light: bool) -> str | None:
    """Whether something else than what was asked for was measured: an ini file or a conftest.py may change it."""
    try:
        document = read_speed_json(path)
    except ArtifactError:
        return None
    for name, value in asked.items():
        found = at(document, f"details.{name}")
        if found is not None and str(found) != value:
            return printable_line(f"another {name} was measured: {redact(str(found))} instead of {value}")
    kind = text(document, "details.source")
    if kind is not None and (kind == "light_run") != light:
        was, wanted = ("without", "with") if kind == "light_run" else ("with", "without")
        return f"measured {was} the probes instead of {wanted} them: take {LIGHT} out of pytest.ini and PYTEST_ADDOPTS"
    return _other_code(side, document)


def _other_code(side: OpenSide, document: Document) -> str | None:
    """Whether other code than that of the side's tree was measured."""
    found, commit = text(document, "details.environment.git_commit"), side.description.commit
    if found is None or commit is None or found == commit:
        return None
    if answer(side.tree, "rev-parse", "HEAD") == found:
        return f"HEAD moved from {commit[:7]} to {found[:7]} while it was measured; commit in another checkout"
    return (
        f"commit {found[:7]} was measured instead of {commit[:7]}: the interpreter imported another checkout; "
        "uninstall it there, or take it out of PYTHONPATH"
    )


def _relative(path: Path, base: Path) -> str:
    return str(path.relative_to(base)) if path.is_relative_to(base) else redact(str(path))
