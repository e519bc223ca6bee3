"""The speed measurement: from a run to its artifact, and what the gate recomputes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import msgspec
from msgspec import structs

from benchmarks.harness.protocol.machine_report import MachineDetails
from benchmarks.harness.protocol.records import Failure, RankResult
from benchmarks.harness.protocol.reports import ProbeReport, SpeedReport
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.stages import WARM_UP, WINDOW
from benchmarks.harness.results.artifact import UnfinishedDetails
from benchmarks.harness.results.checks.gpus import power_and_energy
from benchmarks.harness.results.checks.ranks import disagreement, wrong_graph, wrong_result
from benchmarks.harness.results.checks.speed import speed_contradictions, speed_training_problems
from benchmarks.harness.results.checks.training import wrong_training
from benchmarks.harness.results.common import header, measured_fields, optional, plan_fields, shared_report
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.gradient_scaling import too_many_skipped
from benchmarks.harness.results.log import log_contradictions
from benchmarks.harness.results.machine_verdict import judged, machine_failure
from benchmarks.harness.results.overhead import seconds_by_part
from benchmarks.harness.results.peaks import peak_of_all
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.roofline import matmul_held_tflops, roofline
from benchmarks.harness.results.scaling import scaling
from benchmarks.harness.results.speed_artifact import (
    LightDetails,
    LogDetails,
    RankDetails,
    Roofline,
    SpeedArtifact,
    SpeedDetails,
    TimedRank,
)
from benchmarks.harness.results.statistics import (
    exposed_communication_fraction,
    slowest,
    step_distribution,
    throughput,
    total,
)


def build(run: Run, log_path: Path, artifact_folder: Path) -> SpeedArtifact:
    """The speed JSON of a run, good or failed. `artifact_folder` may hold the baseline of the scaling."""
    if run.failure is not None:
        return _unfinished(run, log_path, run.failure)
    machine = None if run.machine is None else judged(run.machine)
    details = _details(run, artifact_folder, machine)
    failure = (
        disagreement(run.results)
        or wrong_training(speed_training_problems(details))
        or _wrong_results(run.results)
        or too_many_skipped(details.gradient_scaling, details.measured_steps)
        or _synchronising(run.results)
        or machine_failure(machine, strict=run.strict_machine, gpus=run.case.gpu_count)
    )
    artifact = _finished(run, log_path, details, failure)
    if failure is None and (found := contradictions(artifact)):
        return _finished(run, log_path, details, Failure("wrong_result", printable(found[0])))
    return artifact


def _finished(run: Run, log_path: Path, details: SpeedDetails | LightDetails, failure: Failure | None) -> SpeedArtifact:
    return SpeedArtifact(
        **header(run, log_path, SPEED, value=throughput(run.results), failure=failure),
        details=structs.replace(details, failure=optional(failure)),
    )


def _unfinished(run: Run, log_path: Path, failure: Failure) -> SpeedArtifact:
    details = UnfinishedDetails(
        **plan_fields(run), steps_done=len(run.records), total_seconds=run.seconds, failure=failure
    )
    return SpeedArtifact(**header(run, log_path, SPEED, value=0, failure=failure), details=details)


def _wrong_results(results: list[RankResult]) -> Failure | None:
    checked = _first_wrong(results)
    wrong = _wrong_step(checked)
    return None if wrong is None else Failure("wrong_result", wrong, checked.rank)


def _wrong_step(result: RankResult) -> str | None:
    probes = _own(result).probes
    return None if probes is None else wrong_result(probes.reference_check) or wrong_graph(probes.graph_check)


def _synchronising(results: list[RankResult]) -> Failure | None:
    for result in results:
        own = _own(result)
        traced = None if own.probes is None else own.probes.traced_synchronisations
        counts = {"the measured steps": own.host_synchronisations, "traced steps": traced}
        for where, count in counts.items():
            if count:
                message = f"{count} calls in {where} made the host wait for the GPU; the train log names them"
                return Failure("host_synchronisation", message, result.rank)
    return None


def _first_wrong(results: list[RankResult]) -> RankResult:
    """The first rank whose step is wrong, else rank 0."""
    return next((result for result in results if _wrong_step(result)), results[0])


def _own(result: RankResult) -> SpeedReport:
    return msgspec.json.decode(result.own, type=SpeedReport)


def _details(run: Run, artifact_folder: Path, machine: MachineDetails | None) -> SpeedDetails | LightDetails:
    timed = _timed(run, artifact_folder, machine)
    reported = [_own(result).probes for result in run.results]
    probes = [each for each in reported if each is not None]
    if len(probes) < len(reported):
        return LightDetails(**timed, ranks=[TimedRank(**_timed_rank(result)) for result in run.results])
    return SpeedDetails(
        **timed,
        **_limits(run, probes, timed["achieved_tflops"], timed["data_wait_fraction"]),
        traced_synchronisations=total([each.traced_synchronisations for each in probes]),
        loader_only_samples_per_second=sum(each.loader_only_samples_per_second for each in probes),
        step_only_samples_per_second=len(probes) * min(each.step_only_samples_per_second for each in probes),
        loader_profile=probes[0].loader_profile,
        reference_check=probes[_first_wrong(run.results).rank].reference_check,
        ranks=[
            RankDetails(**_timed_rank(result), probes=each) for result, each in zip(run.results, probes, strict=True)
        ],
    )


def _timed(run: Run, artifact_folder: Path, machine: MachineDetails | None) -> dict[str, Any]:
    """The fields of `TimedDetails`, but for the ranks."""
    results, rate = run.results, throughput(run.results)
    own = [_own(result) for result in results]
    window = slowest(results)
    measured = measured_fields(run)
    watts, joules = power_and_energy([] if machine is None else machine.gpus, results)
    achieved, peak = measured["flops_per_sample"] * rate / 1e12, peak_of_all(shared_report(run).device, run.case)
    return dict(
        **plan_fields(run),
        **measured,
        **_times(run, window),
        achieved_tflops=achieved,
        peak_tflops=peak,
        mfu=None if peak is None else achieved / peak,
        samples=sum(result.samples for result in results),
        step_seconds=step_distribution([record.step_seconds for record in window.measured]),
        data_wait_fraction=min(1.0, window.data_wait_seconds / window.measured_seconds),
        loss_first=_finite(run.records[0].losses),
        loss_last=_finite(run.records[-1].losses),
        peak_memory_of="device" if run.case.device == "cuda" else "process",
        host_synchronisations=total([each.host_synchronisations for each in own]),
        strict_machine=run.strict_machine,
        machine=machine,
        power_watts=watts,
        joules_per_sample=joules,
        rank_spread=1 - min(result.measured_seconds for result in results) / window.measured_seconds,
        scaling=scaling(run, rate, shared_report(run), artifact_folder),
    )


class _Limits(TypedDict):
    matmul_tflops: float
    matmul_fraction: float
    matmul_held_tflops: float | None
    copy_terabytes_per_second: float
    roofline: Roofline | None
    exposed_communication_fraction: float | None


def _limits(run: Run, probes: list[ProbeReport], achieved_tflops: float, data_fraction: float) -> _Limits:
    limits = [each.limits for each in probes]
    matmul_tflops = sum(each.matmul_tflops for each in probes)
    exposed = exposed_communication_fraction([each.communication for each in probes])
    return _Limits(
        matmul_tflops=matmul_tflops,
        matmul_fraction=achieved_tflops / matmul_tflops,
        matmul_held_tflops=matmul_held_tflops(limits),
        copy_terabytes_per_second=sum(each.copy_terabytes_per_second for each in limits),
        roofline=roofline(
            limits,
            step_seconds=slowest(run.results).measured_seconds / run.plan.steps,
            matmul_tflops=matmul_tflops,
            data_fraction=data_fraction,
            communication_fraction=exposed,
        ),
        exposed_communication_fraction=exposed,
    )


class _Times(TypedDict):
    measured_seconds: float
    setup_seconds: float
    compile_seconds: float | None
    first_step_extra_seconds: float
    warmup_seconds: float
    overhead_seconds: float
    overhead: dict[str, float]


def _times(run: Run, window: RankResult) -> _Times:
    # A figure of the side that is missing or impossible must not cost the result.
    warm_up, window_begin = (max(0.0, run.phase_seconds.get(phase, 0.0)) for phase in (WARM_UP, WINDOW))
    warmup_seconds = max(0.0, window_begin - warm_up)
    overhead_seconds = max(0.0, run.seconds - warmup_seconds - window.measured_seconds)
    stepping = (warm_up, window_begin + window.measured_seconds)
    compiled = [each.seconds for result in run.results if (each := result.report.training.compile) is not None]
    return _Times(
        measured_seconds=window.measured_seconds,
        setup_seconds=warm_up,
        compile_seconds=max(compiled) if compiled else None,
        first_step_extra_seconds=_first_step_extra_seconds(run),
        warmup_seconds=warmup_seconds,
        overhead_seconds=overhead_seconds,
        overhead=seconds_by_part(run.parts, run.seconds, stepping, overhead_seconds),
    )


def _first_step_extra_seconds(run: Run) -> float:
    """What the first step took longer than a median step. 0 if it is the only one."""
    if len(run.records) == 1:
        return 0.0
    median = step_distribution([record.step_seconds for record in run.records[1:]]).p50
    return max(0.0, run.records[0].wall_seconds - median)


def _finite(losses: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in losses.items() if value is not None}


def _timed_rank(result: RankResult) -> dict[str, Any]:
    """The fields of `TimedRank`."""
    own = _own(result)
    device_seconds = [record.device_seconds for record in result.measured if record.device_seconds is not None]
    return dict(
        cpu_seconds=own.cpu_seconds,
        host_synchronisations=own.host_synchronisations,
        rank=result.rank,
        measured_seconds=result.measured_seconds,
        samples=result.samples,
        data_wait_seconds=result.data_wait_seconds,
        device_seconds=sum(device_seconds) if device_seconds else None,
        **structs.asdict(result.report.memory),
    )


def contradictions(artifact: SpeedArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each. For the gate, and for `build`."""
    if isinstance(artifact.details, LogDetails):
        return log_contradictions(artifact)
    return speed_contradictions(artifact)
