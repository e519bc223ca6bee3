"""The artifacts of an output folder, with the other files of their runs. A folder may hold anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.harness.protocol.machine_report import MachineDetails
from benchmarks.harness.protocol.records import Failure, StepRecord
from benchmarks.harness.report.page.quantities import shown, unit_of
from benchmarks.harness.results import store
from benchmarks.harness.results.artifact import Header, PlanDetails
from benchmarks.harness.results.common import describe_failure, details_of, failure_of
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement, is_companion, measurement_of_file
from benchmarks.harness.results.printable import shorten
from benchmarks.harness.results.reading import bytes_to_read
from benchmarks.harness.results.redaction import redact
from benchmarks.harness.results.speed_artifact import TimedDetails
from ocr_models.errors import DataError
from ocr_models.files import open_regular_file, read_regular_file

MAX_FILES = 1000
MAX_TOTAL_BYTES = 64 * 2**20
MAX_STEPS_BYTES = 8 * 2**20
TAIL_BYTES = 16 * 1024
MAX_LINE = 300
"""Characters of a line of a train log, or of a reason, that are shown."""

POINTS = 160
"""Of a line of a chart, if the page has few cases."""

MIN_POINTS, FEW_POINTS = 24, 60
POINTS_OF_ALL = 6000
"""Of the lines of all cases that show the same: keeps a page of 200 cases below 2 MB."""


class StepOfRank(StepRecord, frozen=True, kw_only=True):
    """A line of `<log>.steps.jsonl`."""

    rank: int


@dataclass(frozen=True)
class ShownCase:
    """An artifact of the folder, and what its run left besides.

    Attributes:
        path: of the artifact.
        output: folder that has `train_log/`.
        points: how many points the lines of a chart may have together.
    """

    measurement: Measurement
    artifact: Header
    path: Path
    output: Path
    points: int = POINTS

    @property
    def name(self) -> str:
        """Of the case; of an artifact made from a log, that of its file."""
        details = details_of(self.artifact)
        return details.case if isinstance(details, PlanDetails) else self.path.name

    @property
    def anchor(self) -> str:
        """Where the case is on the page: the name of its file, which is unique."""
        return f"case-{self.path.name}"

    @property
    def is_one_of_many(self) -> bool:
        """Whether the page has so many cases that only what matters most of each is shown: it stays below 2 MB."""
        return self.points < FEW_POINTS

    @property
    def model(self) -> str:
        """Its name as users write it; empty if it is not known."""
        details = details_of(self.artifact)
        return details.case.partition("_")[0] if isinstance(details, PlanDetails) else ""

    @property
    def started_at(self) -> datetime:
        return details_of(self.artifact).started_at.astimezone(timezone.utc)

    @property
    def result(self) -> str:
        """In one line."""
        if self.failure is not None:
            return describe_failure(self.failure)
        try:
            return self.measurement.line(self.artifact)
        except Exception:  # an artifact that is made from a log, or contradicts itself
            return f"{shown(self.artifact.FINAL_RESULT)} {unit_of(self.artifact.UNIT)}"

    @property
    def machine(self) -> MachineDetails | None:
        """What the machine did during the measured steps; None if it was not observed."""
        details = details_of(self.artifact)
        return details.machine if isinstance(details, TimedDetails) else None

    @property
    def is_disturbed(self) -> bool:
        """Whether the machine disturbed the measured steps."""
        return self.machine is not None and self.machine.verdict == "disturbed"

    @property
    def failure(self) -> Failure | None:
        return failure_of(self.artifact)

    @property
    def train_log(self) -> Path:
        """Within the output folder, whatever path the artifact has."""
        return self.output / "train_log" / (Path(self.artifact.log_file).name or "-")

    @cached_property
    def steps(self) -> dict[int, list[StepRecord]]:
        """Rank -> the records of its steps, as far as they can be read."""
        found: dict[int, list[StepRecord]] = {}
        nodes = getattr(details_of(self.artifact), "nodes", 1)
        for node in range(min(nodes, MAX_FILES)):
            suffix = f".node{node}" if node else ""
            for step in _steps(self.train_log.with_name(f"{self.train_log.name}{suffix}.steps.jsonl")):
                found.setdefault(step.rank, []).append(step)
        return dict(sorted(found.items()))

    def log_tail(self, lines: int = 15) -> list[str]:
        """The last lines of its train log; none if it cannot be read."""
        try:
            with open_regular_file(self.train_log) as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                text = (file.read(TAIL_BYTES) or b"").decode(errors="replace")
        except (DataError, OSError, ValueError):
            return []
        return [shorten(redact(line), MAX_LINE) for line in text.splitlines()[-lines:]]

    def companion(self, suffix: str, max_bytes: int) -> bytes | None:
        """The content of the file next to the artifact whose name is that of the artifact and this suffix; None if it
        cannot be read or is larger.
        """
        try:
            return read_regular_file(self.path.with_name(f"{self.path.name}{suffix}"), max_bytes)
        except (DataError, ValueError):
            return None


@dataclass(frozen=True)
class Folder:
    """What was found.

    Attributes:
        output: the folder of the session, which has `history.jsonl`.
        unreadable: files that are no artifacts, and why, in one line.
    """

    output: Path
    cases: Sequence[ShownCase] = ()
    unreadable: Sequence[tuple[str, str]] = field(default_factory=tuple)

    def of(self, measurement: str) -> list[ShownCase]:
        """The cases of a measurement, by its name."""
        return [case for case in self.cases if case.measurement.name == measurement]


def read_folder(folder: Path) -> Folder:
    """The artifacts of an output folder, such as `logs`, or of its `index`.

    Raises:
        OSError: if there is no such folder, or it cannot be read.
    """
    index = folder / "index" if (folder / "index").is_dir() else folder
    output = index.parent if index.name == "index" else index
    with os.scandir(index) as entries:
        found = (entry.name for entry in entries if _is_judged(entry.name, of_index=index.name == "index"))
        names = sorted(islice(found, MAX_FILES + 1))
    cases, unreadable, total = [], [], 0
    for name in names[:MAX_FILES]:
        total += bytes_to_read(index / name)
        if total > MAX_TOTAL_BYTES:
            unreadable.append((name, f"not read: the files before it have {MAX_TOTAL_BYTES} bytes"))
            continue
        try:
            cases.append(_case(index / name, output))
        except store.ArtifactError as error:
            unreadable.append((name, shorten(redact(str(error).removeprefix(f"{name}: ")), MAX_LINE)))
    if len(names) > MAX_FILES:
        unreadable.append(("...", f"more than {MAX_FILES} files: the others were not read"))
    points = max(MIN_POINTS, min(POINTS, POINTS_OF_ALL // max(1, len(cases))))
    order = list(MEASUREMENTS.values())
    cases.sort(key=lambda case: order.index(case.measurement))
    return Folder(output, [replace(case, points=points) for case in cases], unreadable)


def _is_judged(name: str, *, of_index: bool) -> bool:
    """In an output folder without `index`, only what is named as an artifact: others keep files there, too."""
    if name.startswith(".") or is_companion(name):
        return False
    return of_index or measurement_of_file(name) is not None


def _case(path: Path, output: Path) -> ShownCase:
    """Raises store.ArtifactError if the file is no artifact."""
    measurement = measurement_of_file(path.name)
    if measurement is None:
        suffixes = " or ".join(f"_{name}" for name in MEASUREMENTS)
        raise store.ArtifactError(f"not the name of an artifact, which ends in {suffixes}")
    # Without the schema, whose check takes 20 times as long: the types have the same rules for each field.
    return ShownCase(measurement, store.decoded(store.read(path), measurement.form), path, output)


def _steps(path: Path) -> list[StepOfRank]:
    try:
        content = read_regular_file(path, MAX_STEPS_BYTES)
    except (DataError, ValueError):
        return []
    return [step for line in content.splitlines() if (step := _step(line)) is not None]


def _step(line: bytes) -> StepOfRank | None:
    try:
        return msgspec.json.decode(line, type=StepOfRank)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
