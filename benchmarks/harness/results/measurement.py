"""What a measurement is: the type of a record of the table in `measurements.py`, and the types of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.cases import Case
from benchmarks.harness.protocol.parameters import NoParameters
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.formats import SPEED, ArtifactFormat

PICTURE_SUFFIX = ".png"


@dataclass(frozen=True)
class Parameters:
    """What a measurement needs for a case. None means: the default of the case.

    Attributes:
        own: the measurement's own parameters, which the rank decodes from the plan.
        steps, image_size: defaults, which an option overrides.
        most_steps: that are measured, whatever the option says; None for no limit.
        warmup_steps: overrides the option; None leaves it to the option.
        convergence_data: whether the synthetic set is that of the model's convergence case.
        augment: whether training samples are changed at random.
        folder: that the measurement fills besides its artifact. It is emptied first unless `keep_folder`.
    """

    own: Struct = field(default_factory=NoParameters)
    steps: int | None = None
    most_steps: int | None = None
    warmup_steps: int | None = None
    image_size: int | None = None
    convergence_data: bool = False
    augment: bool = True
    folder: Path | None = None
    keep_folder: bool = False


def no_parameters(_case: Case, _settings: Settings) -> Parameters:
    """For a measurement that uses the defaults of the case."""
    return Parameters()


@dataclass(frozen=True)
class Attachment:
    """A file next to the artifact, made of one that rank 0 leaves in the folder of the run.

    Attributes:
        left: name of the file of the rank.
        suffix: of the file next to the artifact, after the artifact's name.
        keep: (path of the rank's file, path of the attachment) -> writes the latter, without private data. Raises if
            it cannot; then the artifact says so.
    """

    left: str
    suffix: str
    keep: Callable[[Path, Path], None]


@dataclass(frozen=True)
class Tries:
    """How a measurement takes several runs of a case, each in fresh processes (`controller/tries.py`).

    Attributes:
        next_plan: (run with the tries so far) -> plan of the next one; None if there is to be none.
        failure: (run with all its tries) -> why the case has failed; None if it has not.
        line: a try that has ended -> its outcome in one line.
    """

    next_plan: Callable[[Run], Plan | None]
    failure: Callable[[Run], Failure | None]
    line: Callable[[Run], str]


@dataclass(frozen=True)
class Measurement:
    """One thing that the suite measures.

    Attributes:
        form: name, index, UNIT and type of the artifact. The name is also the suffix of its file, the name of its
            schema and the name of its pytest marker.
        title: of its table at the end of a session.
        help: one line for `pytest --markers`.
        run_in_rank: "module:function" that takes the measurement in a rank (`worker.rank.Measure`).
        build: (run, path of the train log, folder of the artifacts) -> artifact, good or failed.
        contradictions: good artifact -> what it says that contradicts its verdict, a line each. The gate uses it.
        line: good artifact -> its result in one line.
        headings, cells: columns of the table between case and status; artifact -> cells, empty if it has no result.
        parameters: (case, settings) -> what the measurement needs. Raises CaseError if it cannot be taken.
        opt_in: whether its tests run only if they are asked for by marker, keyword or path.
        several_nodes: whether it can be taken on several nodes.
        light: whether it has probes that `--ocr-light` leaves out.
        attachment: a file next to the artifact that a rank makes; None for none.
        tries: how several runs are taken; None if one run is the measurement.
        picture: "module:function", (artifact, path) -> draws a PNG next to the artifact; None for no picture.
        page: "module:function", `report.page.folder.ShownCase` -> `report.page.sections.CasePage`, what report.html
            shows of a case; None for the cells of the table and what all cases have.
    """

    form: ArtifactFormat[Any]
    title: str
    help: str
    run_in_rank: str
    build: Callable[[Run, Path, Path], Header]
    contradictions: Callable[[Any], list[str]]
    line: Callable[[Any], str]
    headings: tuple[str, ...]
    cells: Callable[[Any], list[str]]
    parameters: Callable[[Case, Settings], Parameters] = no_parameters
    opt_in: bool = True
    several_nodes: bool = False
    light: bool = False
    attachment: Attachment | None = None
    tries: Tries | None = None
    picture: str | None = None
    page: str | None = None

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def companions(self) -> tuple[str, ...]:
        """Suffixes of the files next to the artifact, whose names begin with that of the artifact."""
        picture = () if self.picture is None else (PICTURE_SUFFIX,)
        return picture if self.attachment is None else (*picture, self.attachment.suffix)

    def log_name(self, case: Case) -> str:
        """File name of the train log. That of a speed case is the contract's, without a suffix."""
        return case.log_name if self.form is SPEED else f"{case.log_name}_{self.name}"

    def artifact_name(self, case: Case) -> str:
        return self.form.file_name(case.log_name)
