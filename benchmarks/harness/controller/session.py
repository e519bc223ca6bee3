"""The runs of one pytest session: each launched, turned into its artifact, and kept for the tables at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.cases import Case
from benchmarks.harness.controller.gpus import missing_gpus
from benchmarks.harness.controller.launch import StepDisplay, launch
from benchmarks.harness.controller.output import Reserve, RunFiles, clear_folder, write_steps
from benchmarks.harness.controller.planning import plan_run
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.report.summary import Row, result_line
from benchmarks.harness.results import store
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.common import describe_failure, failure_of
from benchmarks.harness.results.measurements import Measurement
from benchmarks.harness.results.redaction import redact

OpenDisplay = Callable[[Run], AbstractContextManager[StepDisplay]]
Say = Callable[[str], None]

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
        nodes = self.settings.nodes.count
        if nodes > 1 and not measurement.several_nodes:
            pytest.skip(f"{measurement.name} cases run on one node")
        if reason := missing_gpus(case, nodes):
            pytest.skip(reason)
        result = self.measure(measurement, case)
        if result.interrupted:
            raise KeyboardInterrupt(str(case))
        if (failure := failure_of(result.artifact)) is not None:
            pytest.fail(f"{describe_failure(failure)} [{result.path.name}]", pytrace=False)
        return result

    def measure(self, measurement: Measurement, case: Case) -> CaseResult:
        """Measure a case and, on node 0, write its artifact. The artifact says what went wrong in the case."""
        run = plan_run(case, measurement, self.settings, ordinal=len(self.results))
        files = RunFiles.of(case, measurement, self.settings.output, self.settings.nodes.rank)
        artifact = _Writing(run, measurement, files, self.settings).run(self._open_display)
        steps = tuple(record.step_seconds for record in run.records if not record.warmup)
        result = CaseResult(measurement, case, artifact, files.artifact, steps, run.interrupted)
        self.results.append(result)
        self._say(result_line(measurement, case, artifact))
        return result


class _Writing:
    """One run and its files."""

    def __init__(self, run: Run, measurement: Measurement, files: RunFiles, settings: Settings) -> None:
        self._run, self._measurement, self._files, self._settings = run, measurement, files, settings
        self._writes_artifact = settings.nodes.rank == 0
        self._reserve = Reserve(settings.output / ".reserve")

    def run(self, open_display: OpenDisplay) -> Header:
        try:
            self._prepare()
            with open_display(self._run) as display:
                launch(self._run, self._files.train_log, display)
            self._reserve.release()
            artifact = self._build()
            write_steps(self._files.steps, self._run)
            if self._writes_artifact:
                self._draw(artifact)
                store.write(self._files.artifact, artifact, self._measurement.form)
        except (OSError, store.ArtifactError) as error:
            self._reserve.release()
            message = redact(f"a file of the case cannot be written: {error}")
            self._run.failure = self._run.failure or Failure("output", message)
            artifact = self._build()
            if self._writes_artifact:
                with contextlib.suppress(OSError, store.ArtifactError):  # the test reports it instead
                    store.write(self._files.artifact, artifact, self._measurement.form)
        return artifact

    def _prepare(self) -> None:
        """Whatever ends pytest itself: neither an older nor a better result is left behind."""
        self._files.clear(writes_artifact=self._writes_artifact)
        parameters = self._measurement.parameters(self._run.case, self._settings)
        if not parameters.keep_folder:
            clear_folder(parameters.folder)
        if self._writes_artifact:
            self._run.failure = NOT_FINISHED
            try:
                store.write(self._files.artifact, self._build(), self._measurement.form)
            finally:
                self._run.failure = None  # a full disk is then reported as such
            self._reserve.keep()

    def _build(self) -> Header:
        return self._measurement.build(self._run, self._files.train_log, self._files.artifact.parent)

    def _draw(self, artifact: Header) -> None:
        if self._measurement.picture is not None:
            module, _, name = self._measurement.picture.partition(":")
            getattr(import_module(module), name)(artifact, self._files.picture)
