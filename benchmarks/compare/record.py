"""A comparison while it is measured, and as its document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from msgspec import structs

from benchmarks.compare.document import CaseComparison, Comparison, ProcedureParameters, SideDescription
from benchmarks.compare.judging.course import CaseState, Course
from benchmarks.compare.report.remarks import remarks
from benchmarks.compare.runs.details import Document, at
from benchmarks.compare.runs.differences import differences, training_changes
from benchmarks.compare.runs.figures import ArtifactError, read_speed_json, versions_of
from benchmarks.compare.runs.machine_key import machine_key
from benchmarks.harness.results.common import suite_version


@dataclass
class Record:
    """Everything that the document contains.

    Attributes:
        folder: of the document.
        measuring_seconds: spent on runs.
        resumable: whether --resume can continue it.
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
            remarks=remarks(case, self.base, self.head, self.parameters, self.resumable),
        )

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

    def _artifacts(self, case: CaseState, side: Literal["base", "head"]) -> list[Document]:
        """Of the good runs, the first of which is a full one."""
        stored = case.base_stored if side == "base" else case.head_stored
        if stored is not None:
            return stored.documents
        found = []
        for pair in case.pairs:
            run = pair.base if side == "base" else pair.head
            if run is not None and run.failure is None:
                try:
                    found.append(read_speed_json(self.folder / run.artifact))
                except ArtifactError:
                    continue
        return found


def _with_versions(side: SideDescription, artifact: Document) -> SideDescription:
    return structs.replace(side, versions=side.versions | versions_of(artifact))
