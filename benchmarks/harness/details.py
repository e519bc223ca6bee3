"""From a run to its speed JSON: the ten fields, and how the number came about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.artifact import speed_json
from benchmarks.harness.launch import Run
from benchmarks.harness.output import CasePaths
from benchmarks.harness.records import Failure, RankResult, distribution, slowest, throughput
from benchmarks.harness.redaction import redact, redact_json
from benchmarks.harness.scaling import scaling
from benchmarks.harness.settings import ROOT

KINDS = {"speed": (1, "samples/sec"), "convergence": (4, "hmean")}
"""`index` and `UNIT` of an artifact, by the kind of its plan."""


def speed_document(run: Run, paths: CasePaths) -> dict[str, Any]:
    """The speed JSON of a run, passed or failed."""
    details = plan_details(run)
    final_result = 0.0
    if run.failure is None:
        final_result = throughput(run.results)
        details |= _measured_details(run, final_result)
        details["scaling"] = scaling(run.case, final_result, details, paths.index.parent)
    else:
        details |= progress_details(run)
    return document(run, paths.train_log, details, final_result, run.failure)


def unfinished_document(run: Run, paths: CasePaths) -> dict[str, Any]:
    """The speed JSON while a case runs: whatever ends pytest itself, no older and no better result is left."""
    details = plan_details(run) | progress_details(run)
    return document(run, paths.train_log, details, 0.0, Failure("interrupted", "the case has not finished"))


def document(
    run: Run,
    log_path: Path,
    details: dict[str, Any],
    final_result: float,
    failure: Failure | None,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The artifact of a run; `more` are fields between the ten and `details`."""
    index, unit = KINDS[run.plan.kind]
    return speed_json(
        log_file=shown_path(log_path),
        model_name=run.case.model_name,
        mission_name="OCR",
        direction_id=0,
        run_mode=run.case.mode,
        index=index,
        gpu_num=run.case.gpu_count,
        final_result=final_result,
        unit=unit,
        more=more,
        details=details,
        failure=failure,
    )


def shown_path(path: Path) -> str:
    """A path as it may stand in an artifact: relative to the project root below it, without a home directory else."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else redact(str(path))


def plan_details(run: Run) -> dict[str, Any]:
    """Known before the first step."""
    return {
        "source": "run",
        "case": str(run.case),
        "precision_requested": run.case.precision,
        "compile": run.case.compile,
        "image_size": run.plan.image_size,
        "warmup_steps": run.plan.warmup_steps,
        "measured_steps": run.plan.steps,
        "batch_size_per_process": run.case.batch_size_per_process,
        "nodes": run.plan.nodes,
        "processes": run.case.processes,
        "threads_per_process": run.plan.threads,
        "loader_workers_per_process": run.plan.workers,
        "seed": run.plan.seed,
        "data_kind": run.plan.data_kind,
        "data_cache": run.plan.cache,
    }


def progress_details(run: Run) -> dict[str, Any]:
    """How far a run came that did not end well."""
    return {"steps_done": len(run.records), "total_seconds": run.seconds}


def shared_details(results: list[RankResult]) -> dict[str, Any]:
    """What the ranks of a run report of themselves, whatever it was for."""
    shared = results[0].report
    return {
        "peak_memory_bytes": max(result.report["peak_memory_bytes"] for result in results),
        "gradient_bytes": shared["gradient_bytes"],
        "flops_per_sample": shared["flops_per_sample"],
        "precision": shared["precision"],
        "device": redact(shared["device"]),
        "data": redact_json(shared["data"]),
        "environment": redact_json(shared["environment"]),
    }


def _measured_details(run: Run, samples_per_second: float) -> dict[str, Any]:
    results = run.results
    first, last = run.records[0], run.records[-1]
    shared = results[0].report
    matmul_tflops = sum(result.report["matmul_tflops"] for result in results)
    achieved_tflops = shared["flops_per_sample"] * samples_per_second / 1e12
    window = slowest(results)
    warmup_seconds = run.phase_seconds["window"] - run.phase_seconds["warm-up"]
    return shared_details(results) | {
        "window_seconds": window.window_seconds,
        "samples": sum(result.samples for result in results),
        "step_seconds": distribution([record.step_seconds for record in window.measured]),
        "data_wait_share": window.data_wait_seconds / window.window_seconds,
        "loss_first": first.losses,
        "loss_last": last.losses,
        "achieved_tflops": achieved_tflops,
        "matmul_tflops": matmul_tflops,
        "matmul_share": achieved_tflops / matmul_tflops,
        "peak_memory_of": "device" if run.case.device == "cuda" else "process",
        "host_synchronisations": _total_synchronisations(results),
        "loader_ceiling": sum(result.report["loader_ceiling"] for result in results),
        "compute_ceiling": len(results) * min(result.report["compute_ceiling"] for result in results),
        "loader_profile": shared.get("loader_profile"),
        "fingerprint": shared["fingerprint"],
        "setup_seconds": run.phase_seconds["warm-up"],
        "compile_seconds": _compile_seconds(run) if run.case.compile else None,
        "warmup_seconds": warmup_seconds,
        "total_seconds": run.seconds,
        "fixed_seconds": run.seconds - warmup_seconds - window.window_seconds,
        "rank_spread": 1 - min(result.window_seconds for result in results) / window.window_seconds,
        "ranks": [_rank_details(result) for result in results],
    }


def _compile_seconds(run: Run) -> float:
    """What the first step took beyond a step: it is the one that compiles."""
    median = distribution([record.step_seconds for record in run.records[1:]])["p50"]
    return max(0.0, run.records[0].wall_seconds - median)


def _total_synchronisations(results: list[RankResult]) -> int | None:
    counts = [result.report["host_synchronisations"] for result in results]
    return None if counts[0] is None else sum(counts)


def _rank_details(result: RankResult) -> dict[str, Any]:
    device_seconds = [record.device_seconds for record in result.measured if record.device_seconds is not None]
    return {
        "rank": result.rank,
        "window_seconds": result.window_seconds,
        "samples": result.samples,
        "data_wait_seconds": result.data_wait_seconds,
        "device_seconds": sum(device_seconds) if device_seconds else None,
        "peak_memory_bytes": result.report["peak_memory_bytes"],
        "device_state": result.report["device_state"],
    }
