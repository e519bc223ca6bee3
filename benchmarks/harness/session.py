"""One pytest session's cases: each launched, turned into its artifact, and kept for the table at the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.harness import artifact
from benchmarks.harness.details import speed_document, unfinished_document
from benchmarks.harness.launch import Progress, Run, launch, planned
from benchmarks.harness.output import CasePaths, write_steps
from benchmarks.harness.progress import result_line
from benchmarks.harness.records import Failure
from benchmarks.harness.redaction import redact
from benchmarks.harness.settings import Settings

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


class SpeedSession:
    """Measures cases one after another into one output folder.

    Attributes:
        measurements: those of the cases so far.
    """

    def __init__(self, settings: Settings, open_progress: OpenProgress, say: Say) -> None:
        self.settings = settings
        self.measurements: list[Measurement] = []
        self._open_progress = open_progress
        self._say = say

    def measure(self, case: Case) -> Measurement:
        """Run a case and, on node 0, leave its artifact. What goes wrong is in the document, never raised."""
        nodes = self.settings.nodes
        paths = CasePaths.of(case, self.settings.output, nodes.rank)
        run = planned(case, self.settings, ordinal=len(self.measurements))
        try:
            paths.clear()
            if nodes.rank == 0:
                artifact.write(paths.index, unfinished_document(run, paths))
            with self._open_progress(run) as progress:
                launch(run, paths.train_log, progress)
            document = speed_document(run, paths)
            write_steps(paths.steps, run)
            if nodes.rank == 0:
                artifact.write(paths.index, document)
        except (OSError, artifact.ArtifactError) as error:
            run.failure = Failure("output", redact(f"the artifact cannot be written: {error}"))
            document = speed_document(run, paths)
        measurement = Measurement(
            document,
            paths.index,
            tuple(record.step_seconds for record in run.records if not record.warmup),
            run.interrupted,
        )
        self.measurements.append(measurement)
        self._say(result_line(document))
        return measurement
