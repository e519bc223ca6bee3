"""One pytest session's cases: each launched, turned into its artifact, and kept for the table at the end."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import Case, ConvergenceCase
from benchmarks.harness import artifact
from benchmarks.harness.convergence import convergence_document, unfinished_convergence
from benchmarks.harness.curves import draw_curves
from benchmarks.harness.details import speed_document, unfinished_document
from benchmarks.harness.gpus import lacking
from benchmarks.harness.launch import Progress, Run, launch, planned
from benchmarks.harness.output import CasePaths, Reserve, write_steps
from benchmarks.harness.progress import failure_line, result_line
from benchmarks.harness.records import Failure
from benchmarks.harness.redaction import redact
from benchmarks.harness.settings import Settings

DOCUMENTS = {"speed": speed_document, "convergence": convergence_document}
UNFINISHED = {"speed": unfinished_document, "convergence": unfinished_convergence}

OpenProgress = Callable[[Run], AbstractContextManager[Progress]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measurement:
    """A case that has been run: its speed JSON, where that lies, and the steps it is made of."""

    document: dict[str, Any]
    path: Path
    step_seconds: tuple[float, ...]
    interrupted: bool

    @property
    def failed(self) -> bool:
        return bool(self.document["JOB_FAIL_FLAG"])


class Session:
    """Measures cases one after another into one output folder.

    Attributes:
        measurements: those of the cases so far.
    """

    def __init__(self, settings: Settings, open_progress: OpenProgress, say: Say) -> None:
        self.settings = settings
        self.measurements: list[Measurement] = []
        self._open_progress = open_progress
        self._say = say

    def judge(self, case: Case | ConvergenceCase) -> Measurement:
        """Run a case as a test does, which is skipped, fails or is interrupted with it."""
        alone = case.case if isinstance(case, ConvergenceCase) else case
        if reason := lacking(alone, self.settings.nodes.count):
            pytest.skip(reason)
        measurement = self.measure(case)
        if measurement.interrupted:
            raise KeyboardInterrupt(str(case))
        if measurement.failed:
            pytest.fail(f"{failure_line(measurement.document)} [{measurement.path.name}]", pytrace=False)
        return measurement

    def measure(self, case: Case | ConvergenceCase) -> Measurement:
        """Run a case and, on node 0, leave its artifact. What goes wrong is in the document, never raised."""
        run = planned(case, self.settings, ordinal=len(self.measurements))
        paths = CasePaths.of(run.case, self.settings.output, self.settings.nodes.rank, run.plan.kind)
        document = self._document(run, paths)
        measurement = Measurement(
            document,
            paths.index,
            tuple(record.step_seconds for record in run.records if not record.warmup),
            run.interrupted,
        )
        self.measurements.append(measurement)
        self._say(result_line(document))
        return measurement

    def _document(self, run: Run, paths: CasePaths) -> dict[str, Any]:
        kind = run.plan.kind
        writes = self.settings.nodes.rank == 0
        reserve = Reserve(self.settings.output / ".reserve")
        try:
            paths.clear()
            if run.plan.keep_folder and not run.plan.resume:
                shutil.rmtree(run.plan.keep_folder, ignore_errors=True)  # nor must an older checkpoint be gone on from
            if writes:
                artifact.write(paths.index, UNFINISHED[kind](run, paths), kind)
                reserve.keep()
            with self._open_progress(run) as progress:
                launch(run, paths.train_log, progress)
            reserve.give_back()
            document = DOCUMENTS[kind](run, paths)
            write_steps(paths.steps, run)
            if writes:
                draw_curves(document, paths.picture)
                artifact.write(paths.index, document, kind)
        except (OSError, artifact.ArtifactError) as error:
            reserve.give_back()
            run.failure = run.failure or Failure("output", redact(f"the artifact cannot be written: {error}"))
            document = DOCUMENTS[kind](run, paths)
            if writes:
                with contextlib.suppress(OSError, artifact.ArtifactError):  # the test says it where the artifact cannot
                    artifact.write(paths.index, document, kind)
        return document
