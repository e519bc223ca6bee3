"""The table of measurements. What the suite can do with a case is listed here, and only here.

Suffix and schema of the artifact, pytest marker, gate check and table at the end of a session follow from a record. To
add one: docs/adding-a-measurement.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.cases import Case, CaseError
from benchmarks.harness.protocol.largest_batch import memory_limit
from benchmarks.harness.protocol.memory_report import SNAPSHOT_FILE
from benchmarks.harness.protocol.parameters import ConvergenceParameters, NoParameters
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.profile_report import TRACE_FILE
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results import (
    convergence,
    largest_batch,
    largest_batch_table,
    memory,
    profile,
    speed,
    speed_table,
)
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.checks import largest_batch as largest_batch_checks
from benchmarks.harness.results.formats import (
    CONVERGENCE,
    LARGEST_BATCH,
    MEMORY,
    PROFILE,
    SPEED,
    ArtifactFormat,
)
from benchmarks.harness.results.trace_file import keep_trace
from ocr_models import MODELS, ConvergenceGoal

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


def convergence_goal(case: Case) -> ConvergenceGoal:
    """Raises CaseError if the model has none."""
    goal = MODELS[case.model].convergence
    if goal is None:
        raise CaseError(
            f"{case.model} has no convergence goal: add convergence=ConvergenceGoal(...) to its entry in "
            "ocr_models.MODELS, or to the Model of its package"
        )
    return goal


def _convergence_parameters(case: Case, settings: Settings) -> Parameters:
    goal = convergence_goal(case)
    folder = settings.output / "convergence" / case.log_name
    return Parameters(
        own=ConvergenceParameters(
            target=goal.target,
            metric=goal.metric,
            evaluations=goal.evaluations,
            folder=str(folder),
            resume=settings.resume,
            split=goal.scored_split,
        ),
        steps=goal.steps,
        warmup_steps=0,
        image_size=goal.image_size,
        convergence_data=True,
        augment=not goal.by_heart,
        folder=folder,
        keep_folder=settings.resume,
    )


PROFILED_STEPS = {"cpu": 2, "cuda": 3}
MOST_PROFILED_STEPS = 10
"""A trace grows with each of them, and so does the memory of the profiler."""


def _profile_parameters(case: Case, _settings: Settings) -> Parameters:
    return Parameters(steps=PROFILED_STEPS[case.device], most_steps=MOST_PROFILED_STEPS)


MEMORY_STEPS = {"cpu": 3, "cuda": 5}
"""The peak of a step hardly differs from that of the next one."""


def _memory_parameters(case: Case, _settings: Settings) -> Parameters:
    return Parameters(steps=MEMORY_STEPS[case.device])


LARGEST_BATCH_STEPS, LARGEST_BATCH_WARMUP_STEPS = 5, 3


def _largest_batch_parameters(case: Case, settings: Settings) -> Parameters:
    """Few steps: what does not fit into memory shows in the first ones."""
    return Parameters(
        own=memory_limit(case.device, settings.memory_limit_bytes, case.processes),
        steps=LARGEST_BATCH_STEPS,
        warmup_steps=LARGEST_BATCH_WARMUP_STEPS if settings.warmup_steps is None else settings.warmup_steps,
    )


MEASUREMENTS: dict[str, Measurement] = {
    each.name: each
    for each in (
        Measurement(
            form=SPEED,
            title="OCR training speed",
            help="training throughput of a case",
            run_in_rank="benchmarks.harness.worker.speed:measure_speed",
            build=speed.build,
            contradictions=speed.contradictions,
            line=speed_table.line,
            headings=speed_table.HEADINGS,
            cells=speed_table.cells,
            opt_in=False,
            several_nodes=True,
            light=True,
            page="benchmarks.harness.report.page.speed:speed_page",
        ),
        Measurement(
            form=MEMORY,
            title="OCR training memory",
            help="how much memory a case needs, and for what",
            run_in_rank="benchmarks.harness.worker.memory:measure_memory",
            build=memory.build,
            contradictions=memory.contradictions,
            line=memory.line,
            headings=memory.HEADINGS,
            cells=memory.cells,
            parameters=_memory_parameters,
            attachment=Attachment(SNAPSHOT_FILE, memory.SNAPSHOT_SUFFIX, memory.keep_snapshot),
            page="benchmarks.harness.report.page.memory:memory_page",
        ),
        Measurement(
            form=PROFILE,
            title="OCR training profile",
            help="where the time of a case goes, by torch's profiler",
            run_in_rank="benchmarks.harness.worker.profile:measure_profile",
            build=profile.build,
            contradictions=profile.contradictions,
            line=profile.line,
            headings=profile.HEADINGS,
            cells=profile.cells,
            parameters=_profile_parameters,
            attachment=Attachment(TRACE_FILE, profile.TRACE_SUFFIX, keep_trace),
            page="benchmarks.harness.report.page.profile:profile_page",
        ),
        Measurement(
            form=CONVERGENCE,
            title="OCR training convergence",
            help="a case whose training must reach a score",
            run_in_rank="benchmarks.harness.worker.convergence:measure_convergence",
            build=convergence.build,
            contradictions=convergence.contradictions,
            line=convergence.line,
            headings=convergence.HEADINGS,
            cells=convergence.cells,
            parameters=_convergence_parameters,
            picture="benchmarks.harness.report.plots:draw_curves",
            page="benchmarks.harness.report.page.convergence:convergence_page",
        ),
        Measurement(
            form=LARGEST_BATCH,
            title="OCR largest batch",
            help="the largest batch of a case that fits into memory",
            run_in_rank="benchmarks.harness.worker.largest_batch:measure_largest_batch",
            build=largest_batch.build,
            contradictions=largest_batch_checks.contradictions,
            line=largest_batch_table.line,
            headings=largest_batch_table.HEADINGS,
            cells=largest_batch_table.cells,
            parameters=_largest_batch_parameters,
            page="benchmarks.harness.report.page.largest_batch:largest_batch_page",
            tries=Tries(
                next_plan=largest_batch.next_plan,
                failure=largest_batch.failure_of_search,
                line=largest_batch.try_line,
            ),
        ),
    )
}


def measurement_of_file(name: str) -> Measurement | None:
    """The measurement whose artifact a file name belongs to, by its suffix; None if it is not one."""
    suffixed = [each for each in MEASUREMENTS.values() if name.endswith(f"_{each.name}")]
    return max(suffixed, key=lambda each: len(each.name), default=None)


def is_companion(name: str) -> bool:
    """Whether a file name is that of a file that a measurement leaves next to its artifact."""
    return any(name.endswith(f"_{each.name}{suffix}") for each in MEASUREMENTS.values() for suffix in each.companions)
