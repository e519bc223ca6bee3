"""Made-up results for tests: records and reports of ranks, runs that ended well or not, artifacts, documents."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, structs

from benchmarks.cases import Precision, parse_case
from benchmarks.harness.controller.planning import plan_run
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.gpu_report import GpuReport, Spread
from benchmarks.harness.protocol.limits import RankLimits, StepWork
from benchmarks.harness.protocol.machine_report import MachineReport, Pressure, Pressures
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.precision import expected_settings
from benchmarks.harness.protocol.records import Failure, RankResult, StepRecord
from benchmarks.harness.protocol.reference import COUNT, TOLERANCES, deviation
from benchmarks.harness.protocol.reports import (
    GRAPH_FIGURES,
    CommunicationReport,
    ConvergenceReport,
    DataDescription,
    Environment,
    GraphCheck,
    MemoryPeaks,
    ModelReport,
    ProbeReport,
    RankReport,
    ReferenceCheck,
    Score,
    SharedReport,
    SpeedReport,
)
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.protocol.stages import END, OTHER, PROBES, SET_UP, WARM_UP, WINDOW
from benchmarks.harness.protocol.training import (
    CompileReport,
    ModelInput,
    ParameterChange,
    TrainingReport,
    positions_sha256,
)
from benchmarks.harness.results import convergence, speed, store
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.common import identity_fields
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.speed_artifact import LogDetails, SpeedArtifact
from ocr_models import MODELS

SPEED_CASE = "psenet_sp_bs2_fp32_cpu1"
CONVERGENCE_CASE = "psenetr18_sp_bs4_fp32_cpu1"
KILLED = Failure("killed", "rank 0 was killed by SIGKILL", 0)
LOG_STATISTICS = ("arithmetic_mean", "harmonic_mean", "record_mean", "record_min", "record_max")


# what ranks report


def step_record(
    index: int = 1,
    *,
    warmup: bool = False,
    seconds: float = 0.5,
    data_wait_seconds: float = 0.1,
    device_seconds: float | None = None,
    samples: int = 2,
    loss: float | None = 1.0,
    loss_scale: float | None = None,
    skipped: bool = False,
) -> StepRecord:
    losses = {"loss": loss}
    return StepRecord(index, warmup, seconds, data_wait_seconds, device_seconds, samples, losses, loss_scale, skipped)


def environment(**changed: Any) -> Environment:
    text = dict.fromkeys(["python", "torch", "torchvision", "numpy", "opencv", "system", "cpu", "cpu_capability"], "1")
    absent = dict.fromkeys(["cuda", "cudnn", "nccl", "driver", "allocator", "git_commit", "git_dirty"])
    absent |= dict.fromkeys(["nccl_settings", "fork_safe", "gpu_links", "gpu_peer_access"])
    return Environment(**{**text, **absent, "cores": 2, "numa_nodes": 1, "numa_nodes_used": 1, **changed})


def reference_check(**changed: float | None) -> ReferenceCheck:
    """Of a step of PSENet in fp32 whose figures are right, except for those given."""
    reference = dict(MODELS["psenet"].reference_figures or {})
    figures = {**reference, **changed}
    deviations = {
        name: deviation(figures[name], expected) for name, expected in reference.items() if name != "parameters"
    }
    return ReferenceCheck(dict(figures), reference, deviations, TOLERANCES["fp32"], compiled=False)


def graph_check(**changed: float | None) -> GraphCheck:
    """Of a compiled step of PSENet in fp32 whose figures are right, except for those given."""
    eager: dict[str, int | float | None] = {"loss": 0.7, "loss_text": 0.5, "gradient_norm": 9.0, "parameters": 192}
    figures = {**eager, **changed}
    deviations = {name: deviation(figures[name], right) for name, right in eager.items() if right and name != COUNT}
    tolerance = {name: TOLERANCES["fp32"][name] for name in GRAPH_FIGURES}
    return GraphCheck(figures, eager, deviations, tolerance, gradient_difference=1e-4, graphs_compiled=0)


def shared_report(**changed: Any) -> SharedReport:
    good = SharedReport(
        gradient_bytes=10**7,
        precision=expected_settings("fp32"),
        memory_format="channels_last",
        notes=[],
        device="a processor",
        data=DataDescription("icdar2015", 100, [], {}),
        environment=environment(),
    )
    return structs.replace(good, **changed)


def training_report(
    plan: Plan | None = None, rank: int = 0, steps_before: int | None = None, **changed: Any
) -> TrainingReport:
    """Of a rank whose measured steps were those of the plan; of a small one if it does not matter."""
    plan = plan or planned_run().plan
    case, size = plan.case, plan.image_size or 64
    before = plan.warmup_steps if steps_before is None else steps_before
    batch = case.batch_size_per_process
    count = plan.steps * batch
    keys = list(itertools.islice(stream_keys(rank, case.processes, before * case.batch_size), count))
    good = TrainingReport(
        steps_before=before,
        samples=count,
        epoch_length=100,
        indices=[index for index, _ in keys],
        positions=[position for _, position in keys],
        positions_sha256=positions_sha256(position for _, position in keys),
        same_content=False,
        input=ModelInput([batch, 3, size, size], "float32", 1, [3, size, size]),
        parameters=ParameterChange(
            trainable=192, dtypes=["float32"], changed=192, untrained=[], untrained_count=0, every_step_skipped=False
        ),
        compile=compile_report() if case.compile else None,
    )
    return structs.replace(good, **changed)


def stream_keys(rank: int, processes: int, start: int) -> Iterator[tuple[int, int]]:
    """Keys of a rank's samples, in the order of 100 images."""
    return ((position % 100, position) for position in itertools.count(start + rank, processes))


def compile_report(**changed: Any) -> CompileReport:
    good = CompileReport(
        graphs=1,
        graph_breaks=0,
        recompilations=0,
        compilations_in_window=0,
        failed_frames=0,
        errors_suppressed=False,
        seconds=4.0,
        layers=100,
        eager_layers=0,
    )
    return structs.replace(good, **changed)


def rank_report(
    rank: int = 0,
    parameters_sha256: str | None = None,
    precision: Precision = "fp32",
    cuda: str | None = None,
    training: TrainingReport | None = None,
) -> RankReport:
    """Rank 0 adds what the network computes. `cuda` is a version; None on the CPU."""
    training = training or training_report()
    return RankReport(
        memory=memory_peaks(rank, on_gpu=cuda is not None),
        parameters_sha256=parameters_sha256,
        shared=shared_report(
            precision=expected_settings(precision),
            device="a processor" if cuda is None else "a GPU",
            environment=environment(cuda=cuda),
        ),
        training=training,
        model=ModelReport(10**10, [1, *training.input.shape[1:]]) if rank == 0 else None,
    )


def rank_limits(on_gpu: bool = False, work: bool = True, **changed: Any) -> RankLimits:
    """On rank 0, whose step has two operations: 8 GFLOP with 10 MB, and 100 MB with hardly any arithmetic."""
    step_work = StepWork(
        operations=2,
        flops=8 * 10**9,
        bytes=110 * 10**6,
        stage_bytes={"forward": 100 * 10**6, "backward": 10**7},
        arithmetic_bound_flops=8 * 10**9,
        memory_bound_bytes=100 * 10**6,
    )
    good = RankLimits(
        copy_terabytes_per_second=0.01,
        matmul_held_tflops=0.09 if on_gpu else None,
        host_step_seconds=0.02 if on_gpu else None,
        step_work=step_work if work else None,
    )
    return structs.replace(good, **changed)


def memory_peaks(rank: int = 0, *, on_gpu: bool = False) -> MemoryPeaks:
    reserved = (2 * 10**9 + rank, 3 * 10**9 + rank) if on_gpu else (None, None)
    return MemoryPeaks(
        peak_memory_bytes=10**9 + rank, peak_reserved_bytes=reserved[0], run_peak_reserved_bytes=reserved[1]
    )


def speed_report(*, cpu_seconds: float = 0.5, host_synchronisations: int | None = None, **probes: Any) -> SpeedReport:
    """Of a full run; `probes` replace what the rank measured after its steps."""
    return SpeedReport(
        cpu_seconds=cpu_seconds, host_synchronisations=host_synchronisations, probes=probe_report(**probes)
    )


def probe_report(**changed: Any) -> ProbeReport:
    good = ProbeReport(
        traced_synchronisations=None,
        matmul_tflops=0.1,
        limits=rank_limits(),
        loader_only_samples_per_second=80.0,
        step_only_samples_per_second=5.0,
        communication=None,
        loader_profile=None,
        reference_check=reference_check(),
        graph_check=None,
    )
    return structs.replace(good, **changed)


def rank_result(
    rank: int = 0,
    records: Sequence[StepRecord] = (),
    *,
    seconds: float = 1.0,
    parameters_sha256: str | None = None,
    training: TrainingReport | None = None,
    own: Struct | None = None,
    report: RankReport | None = None,
) -> RankResult:
    raw = Raw(msgspec.json.encode(own if own is not None else speed_report()))
    report = report or rank_report(rank, parameters_sha256, training=training)
    return RankResult(rank, seconds, tuple(records), report, raw)


def score(step: int, hmean: float) -> Score:
    """An evaluation, after 1.25 s of training per step."""
    return Score(step, 1.25 * step, {"precision": hmean, "recall": hmean, "hmean": hmean})


def scores(*hmeans: float) -> list[Score]:
    """After 16, 32, ... steps."""
    return [score(16 * number, hmean) for number, hmean in enumerate(hmeans, start=1)]


def losses(*values: float) -> list[dict[str, float]]:
    return [{"loss": value} for value in values]


# the machine


def machine_report(**changed: Any) -> MachineReport:
    """Of a quiet machine with two cores, except for the figures given."""
    none = Pressure(some=0.0, full=0.0)
    quiet = MachineReport(
        observed_seconds=6.0,
        samples=13,
        affinity_cores=2,
        quota_cores=None,
        available_cores=2.0,
        case_cpu_seconds=10.0,
        case_cpu_fraction=10 / 12,
        foreign_cores=0.02,
        pytest_cores=0.003,
        idle_cores=0.3,
        steal_fraction=0.002,
        iowait_fraction=0.0,
        load_average=2.1,
        involuntary_switches=30,
        major_faults=0,
        swapped_in_bytes=0,
        pressure=Pressures(scope="system", cpu=Pressure(some=0.2, full=0.0), io=none, memory=none),
        throttled_periods=None,
        throttled_period_fraction=None,
        throttled_seconds=None,
        longest_watch_gap_seconds=0.01,
        freeze=None,
        stopped_fraction=0.0,
        longest_pause=None,
        gpus=[],
    )
    given = structs.replace(quiet, **changed)
    cores = min(given.affinity_cores, given.quota_cores or given.affinity_cores)
    fraction = given.case_cpu_seconds / (given.observed_seconds * cores)
    computed = {"available_cores": float(cores), "case_cpu_fraction": fraction}
    return structs.replace(given, **{**computed, **changed})


def gpu_report(rank: int = 0, seconds: float = 50.0, watts: float = 600.0, **changed: Any) -> GpuReport:
    """Of a GPU at full load that the case has alone, except for the figures given. The power cap disturbs nothing."""
    good = GpuReport(
        rank=rank,
        partition=False,
        seconds=seconds,
        samples=100,
        sm_clock_mhz=Spread(1600.0, 1700.0, 1980.0),
        sm_clock_max_mhz=1980,
        memory_clock_mhz=Spread(2619.0, 2619.0, 2619.0),
        memory_clock_max_mhz=2619,
        power_watts=Spread(500.0, 610.0, 700.0),
        power_limit_watts=700.0,
        temperature_celsius=Spread(50.0, 61.0, 65.0),
        memory_temperature_celsius=Spread(60.0, 71.0, 75.0),
        utilisation_percent=Spread(90.0, 99.0, 100.0),
        memory_utilisation_percent=Spread(50.0, 60.0, 61.0),
        clock_event_bits=4,
        clock_event_reasons={"sw_power_cap": 0.8},
        slowdown_fraction=0.0,
        energy_joules=watts * seconds,
        energy_source="counter",
        persistence_mode=True,
        compute_mode="default",
        ecc_uncorrected_errors=0,
        foreign_processes=1,
        foreign_memory_bytes=10**9,
        foreign_utilisation_percent=0.0,
    )
    return structs.replace(good, **changed)


def sampled_gpus(run: Run, **changed: Any) -> Run:
    """The run, with a report of the GPU of each rank."""
    assert run.machine is not None
    gpus = [gpu_report(result.rank, result.measured_seconds + 0.01, **changed) for result in run.results]
    run.machine = structs.replace(run.machine, gpus=gpus)
    return run


# runs


def planned_run(case: str = SPEED_CASE, measurement: str = "speed", **settings: Any) -> Run:
    """A run before its launch."""
    return plan_run(parse_case(case), MEASUREMENTS[measurement], Settings(**settings))


def failed_run(
    case: str = SPEED_CASE, measurement: str = "speed", failure: Failure = KILLED, steps_done: int = 3, **settings: Any
) -> Run:
    """A run that ended after a few steps."""
    run = planned_run(case, measurement, **settings)
    run.failure, run.seconds, run.finished_at = failure, 12.5, run.started_at + 12.5
    samples = run.case.batch_size_per_process
    run.records.extend(step_record(i, samples=samples, loss=1 / i) for i in range(1, steps_done + 1))
    return run


def finished_run(
    case: str = SPEED_CASE, own: Sequence[SpeedReport] = (), seconds: Sequence[float] = (), **settings: Any
) -> Run:
    """A speed run that ended well; `own` and `seconds` of the measured steps by rank if not the usual ones."""
    run = planned_run(case, **settings)
    plan, on_gpu = run.plan, run.case.device == "cuda"
    communication = CommunicationReport(0.5, 0.4, 0.5 - 0.4) if run.case.mode == "mp" else None
    none = 0 if on_gpu else None
    for rank in range(run.case.processes):
        window = seconds[rank] if seconds else 0.5 * plan.steps
        usual = speed_report(
            cpu_seconds=1.5 * window,
            host_synchronisations=none,
            traced_synchronisations=none,
            limits=rank_limits(on_gpu=on_gpu, work=rank == 0),
            graph_check=graph_check() if run.case.compile else None,
        )
        records = [
            step_record(
                index,
                warmup=index <= plan.warmup_steps,
                seconds=window / plan.steps,
                device_seconds=window / plan.steps if on_gpu else None,
                samples=run.case.batch_size_per_process,
                loss=1 / index,
                loss_scale=2.0**16 if run.case.precision == "fp16" else None,
            )
            for index in range(1, plan.total_steps + 1)
        ]
        report = rank_report(
            rank,
            "a" if run.case.mode == "mp" else None,
            run.case.precision,
            cuda="1" if on_gpu else None,
            training=training_report(plan, rank),
        )
        reported = own[rank] if own else usual
        probes = reported.probes
        if probes is not None:
            probes = structs.replace(probes, communication=probes.communication or communication)
        reported = structs.replace(reported, probes=None if plan.light else probes)
        result = rank_result(rank, records, seconds=window, own=reported, report=report)
        run.ranks[rank].records.extend(records)
        run.results.append(result)
    observed = 1.0 + max(result.measured_seconds for result in run.results)
    run.machine = machine_report(observed_seconds=observed)
    _end(run, measured_seconds=max(result.measured_seconds for result in run.results))
    return run


def converged_run(output: Path, case: str = CONVERGENCE_CASE, **own: Any) -> Run:
    """A convergence run of three steps that reached its target and left a checkpoint; `own` replaces its figures."""
    run = planned_run(case, "convergence", output=output, steps=3)
    folder = output / "convergence" / run.case.log_name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint.pt").touch()
    evaluations = [score(1, 0.2), score(2, 0.4), score(3, 0.75)]
    report = structs.replace(ConvergenceReport(30, False, losses(0.6, 0.4, 0.1), evaluations, []), **own)
    before = report.resumed_at[-1] if report.resumed_at else 0
    training = training_report(structs.replace(run.plan, steps=run.plan.steps - before), steps_before=before)
    run.results.append(rank_result(seconds=evaluations[-1].training_seconds, own=report, training=training))
    _end(run)
    return run


def _end(run: Run, measured_seconds: float = 0.0) -> None:
    run.seconds = 60.0 if measured_seconds < 40 else measured_seconds + 20
    run.finished_at = run.started_at + run.seconds
    run.phase_seconds = {SET_UP: 1.0, WARM_UP: 10.0, WINDOW: 14.0, PROBES: 40.0}
    run.parts = [(0.0, "start"), (1.0, "imports"), (10.0, OTHER), (14.0 + measured_seconds, "matmul"), (50.0, END)]


def rank_events(
    rank: int = 0,
    *,
    phase: str = WINDOW,
    step_seconds: Sequence[float] = (),
    position: tuple[int, str] = (0, "set-up"),
    failure: Failure | None = None,
    failure_time: float = 0.0,
    ended_well: bool = False,
) -> RankEvents:
    """What one rank has reported so far."""
    records = [step_record(index, seconds=seconds) for index, seconds in enumerate(step_seconds, start=1)]
    return RankEvents(
        rank,
        phase=phase,
        records=records,
        position=position,
        results=[rank_result(rank)] if ended_well else [],
        failure=failure,
        failure_time=failure_time,
    )


# artifacts


def speed_artifact(
    case: str = SPEED_CASE, failure: Failure | None = None, folder: Path = Path("index"), *, light: bool = False
) -> SpeedArtifact:
    """Of a case that ended well, or failed. `folder` may hold the baseline of the scaling."""
    run = finished_run(case, light=light) if failure is None else failed_run(case, failure=failure)
    if failure is None and run.case.device == "cuda":
        run = sampled_gpus(run)
    return speed.build(run, Path("logs/train_log") / run.case.log_name, folder)


def convergence_artifact(run: Run) -> ConvergenceArtifact:
    return convergence.build(run, Path("logs/train_log") / f"{run.case.log_name}_convergence", Path("index"))


def log_artifact(failure: Failure | None = None) -> SpeedArtifact:
    """An artifact made from the train log of another framework."""
    return SpeedArtifact(
        log_file="train.log",
        model_name="resnet50_bs32",
        mission_name="classification",
        direction_id=0,
        run_mode="sp",
        index=1,
        gpu_num=1,
        FINAL_RESULT=0 if failure else 0.5,
        JOB_FAIL_FLAG=1 if failure else 0,
        UNIT="images/s",
        details=LogDetails(
            **identity_fields("0" * 32, 1.8e9, 1.8e9),
            keyword="ips:",
            model_mode=-1,
            rate_scope="process",
            processes_counted=1,
            base_batch_size=None,
            exclude=[],
            skip_steps=0,
            records_found=3,
            records_used=3,
            lines_excluded=0,
            lines_without_number=0,
            last_line_dropped=False,
            record_units={},
            **dict.fromkeys(LOG_STATISTICS, None if failure else 0.5),
            failure=UNSET if failure is None else failure,
        ),
    )


# documents


def document(artifact: Header, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An artifact as plain JSON values, some of them changed: {"details.seed": -1}."""
    found: dict[str, Any] = store.to_document(artifact)
    return changed(found, changes or {})


def changed(original: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a document with other values at some paths, in which a number is the index of an array."""
    result = copy.deepcopy(original)
    for path, value in changes.items():
        *parents, name = path.split(".")
        owner: Any = result
        for parent in parents:
            owner = owner[int(parent) if isinstance(owner, list) else parent]
        owner[int(name) if isinstance(owner, list) else name] = value
    return result


def without(original: dict[str, Any], path: str) -> dict[str, Any]:
    """A copy of a document without the value at a path."""
    result = copy.deepcopy(original)
    *parents, name = path.split(".")
    owner = result
    for parent in parents:
        owner = owner[parent]
    del owner[name]
    return result
