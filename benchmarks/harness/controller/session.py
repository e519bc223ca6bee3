"""The runs of one pytest session: each launched, turned into its artifact, and kept for the tables at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import pytest

from benchmarks.cases import Case
from benchmarks.harness.controller.gpus import missing_gpus
from benchmarks.harness.controller.launch import launch
from benchmarks.harness.controller.machine.machine_key import key_of_this_machine
from benchmarks.harness.controller.output import Reserve, RunFiles, write_steps
from benchmarks.harness.controller.planning import limited_steps, plan_run, raised_warmup
from benchmarks.harness.controller.previous import PreviousTraining
from benchmarks.harness.controller.tries import OpenDisplay, launch_tries
from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.revision import revision
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.report.summary import Row, result_line
from benchmarks.harness.results import history, history_file, store
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.common import describe_failure, failure_of
from benchmarks.harness.results.measurement import Measurement
from benchmarks.harness.results.redaction import redact

Say = Callable[[str], None]
T = TypeVar("T")

NOT_FINISHED = Failure("interrupted", "the case has not finished")


@dataclass(frozen=True)
class CaseResult:
    """A measurement of a case that has ended, well or not.

    Attributes:
        path: of the artifact.
        step_seconds: of the measured steps.
        interrupted: whether the user ended it.
    """

    measurement: Measurement
    case: Case
    artifact: Header
    path: Path
    step_seconds: tuple[float, ...]
    interrupted: bool


class BenchmarkSession:
    """Measures cases one after another into one output folder.

    Attributes:
        results: of the cases so far.
    """

    def __init__(self, settings: Settings, open_display: OpenDisplay, say: Say) -> None:
        self.settings = settings
        self.results: list[CaseResult] = []
        self._open_display = open_display
        self._say = say

    @property
    def rows(self) -> list[Row]:
        """For the tables at the end."""
        return [(each.measurement, each.case, each.artifact, each.path) for each in self.results]

    def judge(self, measurement: Measurement, case: Case) -> CaseResult:
        """Measure a case as a test does: the test is skipped, fails or is interrupted with it."""
        obstacle = self._obstacle(measurement, case)
        if obstacle is not None and not self.settings.require:
            pytest.skip(obstacle.message)
        result = self.measure(measurement, case, obstacle)
        if result.interrupted:
            raise KeyboardInterrupt(str(case))
        if (failure := failure_of(result.artifact)) is not None:
            pytest.fail(f"{describe_failure(failure)} [{result.path.name}]", pytrace=False)
        return result

    def _obstacle(self, measurement: Measurement, case: Case) -> Failure | None:
        """Why a case cannot run here."""
        nodes = self.settings.nodes.count
        if nodes > 1 and not measurement.several_nodes:
            return Failure("nodes", f"{measurement.name} cases run on one node")
        if (reason := missing_gpus(case, nodes)) is None:
            return None
        return Failure("nodes" if case.processes % nodes else "no_gpu", reason)

    def measure(self, measurement: Measurement, case: Case, obstacle: Failure | None = None) -> CaseResult:
        """Measure a case and, on node 0, write its artifact. The artifact says what went wrong in the case. With an
        obstacle, which becomes its failure, nothing is launched.
        """
        run = plan_run(case, measurement, self.settings, ordinal=len(self.results))
        if obstacle is None:
            for line in filter(None, (raised_warmup(run.plan), limited_steps(run.plan, self.settings))):
                self._say(line)
        files = RunFiles.of(case, measurement, self.settings.output, self.settings.nodes.rank)
        writing = _Writing(run, measurement, files, self.settings, self._say)
        artifact = writing.run(self._open_display) if obstacle is None else writing.refuse(obstacle)
        steps = tuple(record.step_seconds for record in run.records if not record.warmup)
        result = CaseResult(measurement, case, artifact, files.artifact, steps, run.interrupted)
        self.results.append(result)
        self._say(result_line(measurement, case, artifact))
        return result


class _Writing:
    """One run and its files."""

    def __init__(self, run: Run, measurement: Measurement, files: RunFiles, settings: Settings, say: Say) -> None:
        self._run, self._measurement, self._files, self._settings = run, measurement, files, settings
        self._say = say
        self._writes_artifact = settings.nodes.rank == 0
        self._reserve = Reserve(settings.output / ".reserve")
        self._parameters = measurement.parameters(run.case, settings)
        folder = self._parameters.folder
        self._previous = None if folder is None else PreviousTraining(folder, files)

    def run(self, open_display: OpenDisplay) -> Header:
        """Launch the case and write its files: the artifact last, then what depends on it and may fail."""
        try:
            self._prepare()
            self._launch(open_display)
            self._reserve.release()
            artifact = self._build()
            write_steps(self._files.steps, self._run)
            self._write(artifact)
        except (OSError, store.ArtifactError) as error:
            artifact = self._failed(Failure("output", redact(f"a file of the case cannot be written: {error}")))
        except Exception as error:  # a defect of the suite: pytest shows it, and the artifact must not be silent
            self._failed(Failure("exception", redact(f"the artifact cannot be made: {type(error).__name__}: {error}")))
            raise
        if self._writes_artifact:
            self._record(artifact)  # first: a picture may take seconds
            self._best_effort("picture", partial(self._draw, artifact))
        if self._previous is not None and artifact.JOB_FAIL_FLAG == 0:
            self._previous.drop()
        return artifact

    def _launch(self, open_display: OpenDisplay) -> None:
        tries, log_path = self._measurement.tries, self._files.train_log
        if tries is not None:
            launch_tries(self._run, tries, log_path, open_display, self._say)
            return
        kept = () if self._measurement.attachment is None else (self._keep_attachment,)
        with open_display(self._run) as display:
            launch(self._run, log_path, display, *kept)

    def refuse(self, obstacle: Failure) -> Header:
        """Write the artifact of a case that cannot run here."""
        with contextlib.suppress(OSError):  # the test reports the obstacle anyway
            self._clear()
        artifact = self._failed(obstacle)
        if self._writes_artifact:
            self._record(artifact)
        return artifact

    def _prepare(self) -> None:
        """Whatever ends pytest itself: neither an older nor a better result is left behind."""
        self._clear()
        if self._writes_artifact:
            self._run.failure = NOT_FINISHED
            try:
                self._write(self._build())
            finally:
                self._run.failure = None  # a full disk is then reported as such
            self._reserve.keep()

    def _clear(self) -> None:
        kept = None if self._previous is None else self._previous.keep(resume=self._parameters.keep_folder)
        if kept is not None:
            self._say(f"{self._run.case}: {kept} keeps the previous training until this one has succeeded")
        self._files.clear(writes_artifact=self._writes_artifact)

    def _build(self) -> Header:
        return self._measurement.build(self._run, self._files.train_log, self._files.artifact.parent)

    def _write(self, artifact: Header) -> None:
        if self._writes_artifact:
            store.write(self._files.artifact, artifact, self._measurement.form)

    def _failed(self, failure: Failure) -> Header:
        """The artifact of a run whose files cannot be written. It may be written all the same; the test reports it."""
        self._reserve.release()
        self._run.failure = self._run.failure or failure
        artifact = self._build()
        with contextlib.suppress(OSError, store.ArtifactError):
            self._write(artifact)
        return artifact

    def _best_effort(self, what: str, make: Callable[[], T]) -> T | None:
        """Make what is not worth the result. Libraries that draw raise anything. None if it could not be made."""
        try:
            return make()
        except Exception as error:
            self._say(redact(f"{self._run.case}: no {what}: {type(error).__name__}: {' '.join(str(error).split())}"))
            return None

    def _keep_attachment(self, run_folder: Path) -> None:
        """Best effort: the artifact says if there is none."""
        attachment, path = self._measurement.attachment, self._files.attachment
        if attachment is None or path is None or not self._writes_artifact:
            return
        try:
            attachment.keep(run_folder / attachment.left, path)
        except Exception as error:
            self._run.attachment_problem = redact(one_line(error))

    def _draw(self, artifact: Header) -> None:
        if self._measurement.picture is not None:
            module, _, name = self._measurement.picture.partition(":")
            getattr(import_module(module), name)(artifact, self._files.picture)

    def _record(self, artifact: Header) -> None:
        """Append a line to the history of the output folder, then to the shared one, which may be the same file."""
        line = self._best_effort("line in the history", partial(self._line_of, artifact))
        if line is None:
            return
        own, shared = self._settings.output / history.HISTORY, self._settings.history
        self._best_effort("line in the history", partial(_append, own, line))
        if shared is not None and shared.resolve() != own.resolve():
            what = f"line in the shared history (--ocr-history); it is in {own.parent.name}/{own.name}"
            self._best_effort(what, partial(_append, shared, line))

    def _line_of(self, artifact: Header) -> history.HistoryLine:
        case = self._run.case
        known = revision() if history.environment_of(artifact) is None else None
        return history.history_line(artifact, self._measurement.name, case, key_of_this_machine(case), known)


def _append(path: Path, line: history.HistoryLine) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    history_file.append(path, line)
