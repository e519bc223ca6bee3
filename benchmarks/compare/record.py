"""A comparison while it is measured, and as its document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from msgspec import structs

from benchmarks.compare.document import CaseComparison, Comparison, ProcedureParameters, RunFigures, SideDescription
from benchmarks.compare.judging.course import CaseState, Course
from benchmarks.compare.report.remarks import remarks
from benchmarks.compare.report.wording import counted
from benchmarks.compare.runs.differences import differences, training_changes, training_is_compared
from benchmarks.compare.runs.figures import ArtifactError, read_speed_json, versions_of
from benchmarks.harness.results.common import suite_version
from benchmarks.harness.results.documents import Document, at
from benchmarks.harness.results.machine_key import machine_key, not_compared


@dataclass
class Record:
    """Everything that the document contains.

    Attributes:
        folder: of the document.
        measuring_seconds: spent on runs.
        resumable: whether --resume can continue it.
        artifacts: by their paths; None for those that are missing. Each is read once.
    """

    name: str
    started_at: datetime
    base: SideDescription
    head: SideDescription
    parameters: ProcedureParameters
    machine: dict[str, str]
    course: Course
    folder: Path
    measuring_seconds: float = 0.0
    resumable: bool = True
    artifacts: dict[str, Document | None] = field(default_factory=dict)

    def continue_from(self, earlier: Comparison) -> None:
        """Take over what the earlier part of a comparison knew, whose artifacts may be missing now."""
        self.measuring_seconds = earlier.measuring_seconds
        self.base = structs.replace(self.base, versions=earlier.base.versions)
        self.head = structs.replace(self.head, versions=earlier.head.versions)
        self.machine = earlier.machine | self.machine

    def document(self) -> Comparison:
        """As it is now."""
        for case in self.course.cases:
            self._examine(case)
        return Comparison(
            schema_version=1,
            suite_version=suite_version(),
            name=self.name,
            started_at=self.started_at,
            updated_at=datetime.now(timezone.utc),
            measuring_seconds=self.measuring_seconds,
            finished=all(case.finished for case in self.course.cases),
            base=self.base,
            head=self.head,
            procedure=self.parameters,
            machine=self.machine,
            cases=[self._case(case) for case in self.course.cases],
        )

    def _case(self, case: CaseState) -> CaseComparison:
        return CaseComparison(
            base_case=case.base_case,
            head_case=case.head_case,
            alpha=case.procedure.alpha,
            base_samples_per_second=case.samples_per_second("base"),
            head_samples_per_second=case.samples_per_second("head"),
            pairs=case.pairs,
            verdict=case.verdict,
            finished=case.finished,
            stopped_by=case.stopped_by,
            differences=case.differences,
            training_changes=case.training_changes,
            remarks=[
                *remarks(case, self.base, self.head, self.parameters, self.resumable),
                *self._not_compared(case),
                *self._missing(case),
            ],
        )

    def _not_compared(self, case: CaseState) -> Iterator[str]:
        """What is not known of a stored side, so that it was not compared with the other one."""
        for name, stored in (("base", case.base_stored), ("head", case.head_stored)):
            if stored is None:
                continue
            if fields := not_compared(stored.machine, self.machine):
                yield f"{name} is stored: {' and '.join(fields)} of its machine and of this one were not compared"
            if not stored.settings:
                yield f"{name} is stored: its artifacts are missing, so its settings were not compared"

    def _missing(self, case: CaseState) -> list[str]:
        gone = [run for run in self._good_runs(case) if self._artifact(run) is None]
        return [f"the artifacts of {counted(len(gone), 'run')} are missing and were not compared"] if gone else []

    def _examine(self, case: CaseState) -> None:
        """What the artifacts say of the sides. Those that were removed since say nothing."""
        base, head = (self._artifacts(case, side) for side in ("base", "head"))
        if base:
            self.base = _with_versions(self.base, base[0])
        if head:
            self.head = _with_versions(self.head, head[0])
        for found in (*base[:1], *head[:1]):
            self.machine = machine_key(at(found, "details")) | self.machine
        if base and head:
            case.differences = differences(base[0], head[0])
            case.training_changes = training_changes(base, head)
            case.training_is_compared = training_is_compared(base, head)

    def _artifacts(self, case: CaseState, side: Literal["base", "head"]) -> list[Document]:
        """Of the good runs, the first of which is a full one."""
        stored = case.base_stored if side == "base" else case.head_stored
        if stored is not None:
            return stored.documents
        return [found for run in self._good_runs(case, side) if (found := self._artifact(run)) is not None]

    def _good_runs(self, case: CaseState, *sides: Literal["base", "head"]) -> list[RunFigures]:
        """Of one side or of both."""
        runs = [getattr(pair, side) for pair in case.pairs for side in sides or ("base", "head")]
        return [run for run in runs if run is not None and run.failure is None]

    def _artifact(self, run: RunFigures) -> Document | None:
        if run.artifact not in self.artifacts:
            try:
                self.artifacts[run.artifact] = read_speed_json(self.folder / run.artifact)
            except ArtifactError:
                self.artifacts[run.artifact] = None
        return self.artifacts[run.artifact]


def _with_versions(side: SideDescription, artifact: Document) -> SideDescription:
    return structs.replace(side, versions=side.versions | versions_of(artifact))
