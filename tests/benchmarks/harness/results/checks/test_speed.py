"""Details that contradict the case or each other: each is found, and those of a right run contain none."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw, structs

from benchmarks import gate
from benchmarks.cases import parse_case
from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.protocol.reports import SpeedReport
from benchmarks.harness.results import speed, store
from benchmarks.harness.results.checks.speed import speed_contradictions
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.validation import problems
from samples import changed, document, finished_run, graph_check, speed_artifact, speed_report, step_record

CPU, GPU, COMPILED = "psenet_mp_bs4_fp32_cpu2", "psenet_mp_bs16_bf16_2", "psenet_sp_bs2_fp32_compile_cpu1"
FP16 = "psenet_sp_bs8_fp16_1"
SCALING = {"skipped_warmup_steps": 0, "skipped_steps": 0, "final_scale": 65536.0}
SIX_SKIPPED = {"skipped_warmup_steps": 0, "skipped_steps": 6, "final_scale": 1024.0}


@pytest.fixture(scope="module")
def good() -> dict[str, dict[str, Any]]:
    return {case: document(speed_artifact(case)) for case in (CPU, GPU, COMPILED, FP16)}


def found_in(changed_document: dict[str, Any]) -> list[str]:
    """The contradictions of a document that fits its schema."""
    assert problems(changed_document, SPEED) == []
    return speed_contradictions(store.decoded(changed_document, SPEED))


def test_a_right_artifact_contains_none(good: dict[str, dict[str, Any]]) -> None:
    assert [found_in(each) for each in good.values()] == [[]] * 4


OF_GPU = "details.machine.gpus.1"
TYPICAL = [f"details.step_seconds.{name}" for name in ("min", "p50", "p95", "max", "mean")]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (CPU, {"FINAL_RESULT": 8.002}, "FINAL_RESULT: 8.002, but the details yield 8.000"),
    # samples and ranks
    (CPU, {"details.samples": 20, "FINAL_RESULT": 4.0}, "details.samples: 20, but the other details yield 40"),
    (CPU, {"details.ranks.1.samples": 10}, "rank 1 has 10 samples, but 10 steps of 2 are 20"),
    (CPU, {"details.ranks": []}, "details.ranks: [] "),
    (CPU, {"details.ranks.1.rank": 0}, "details.ranks: 2 entries, but the ranks of the case are 0 to 1, in order"),
    (CPU, {"details.ranks.1.rank": 2}, "details.ranks"),
    # the host waits
    (GPU, {"details.host_synchronisations": 3}, "details: host_synchronisations: 3, but it must be 0 on a GPU"),
    (GPU, {"details.host_synchronisations": None}, "host_synchronisations: None, but it must be 0 on a GPU"),
    (GPU, {"details.ranks.1.host_synchronisations": 1}, "rank 1: host_synchronisations: 1"),
    (CPU, {"details.host_synchronisations": 0}, "host_synchronisations: 0, but it must be null on the CPU"),
    (GPU, {"details.traced_synchronisations": 3}, "details: traced_synchronisations: 3, but it must be 0 on a GPU"),
    (GPU, {"details.traced_synchronisations": None}, "traced_synchronisations: null, but the other details yield 0"),
    (GPU, {"details.ranks.1.probes.traced_synchronisations": 1}, "rank 1: traced_synchronisations: 1"),
    (CPU, {"details.traced_synchronisations": 0}, "traced_synchronisations: 0, but it must be null on the CPU"),
    # the arithmetic and the device
    (GPU, {"details.precision.autocast": None}, "details.precision.autocast: None, but bf16 means bfloat16"),
    (GPU, {"details.precision.autocast": "float16"}, "details.precision.autocast: float16, but bf16"),
    (CPU, {"details.precision.gradient_scaler": True}, "details.precision.gradient_scaler: True, but fp32"),
    (CPU, {"details.environment.cuda": "13.0"}, "details.environment.cuda: 13.0, but the case runs on the CPU"),
    (CPU, {"details.environment.driver": "580.1"}, "details.environment.driver: 580.1"),
    (GPU, {"details.environment.cuda": None}, "details.environment.cuda: null, but the case runs on GPUs"),
    (GPU, {"details.peak_memory_of": "process"}, "details.peak_memory_of: process"),
    (GPU, {"details.ranks.0.device_seconds": None}, "rank 0: device_seconds"),
    (CPU, {"details.ranks.1.device_seconds": 5.0}, "rank 1: device_seconds"),
    (CPU, {"details.compile_seconds": 1.0}, "details.compile_seconds: null if and only if the case is not compiled"),
    (COMPILED, {"details.compile_seconds": None}, "details.compile_seconds: null if and only if"),
    (COMPILED, {"details.compile_seconds": 5.0}, "details.compile_seconds: 5, but the other details yield 4"),
    (CPU, {"details.first_step_extra_seconds": 1e9}, "details.first_step_extra_seconds: 1e+09, more than total_sec"),
    # the gradient scaler
    (FP16, {"details.gradient_scaling": None}, "details.gradient_scaling: null if and only if the precision is not"),
    (CPU, {"details.gradient_scaling": SCALING}, "details.gradient_scaling: null if and only if the precision is not"),
    (FP16, {"details.gradient_scaling.skipped_steps": 1}, "final_scale: 65536, which 1 skipped steps do not yield"),
    (FP16, {"details.gradient_scaling.final_scale": 131072.0}, "final_scale: 131072, which 0 skipped steps"),
    (FP16, {"details.gradient_scaling.final_scale": 60000.0}, "final_scale: 60000, which 0 skipped steps"),
    (FP16, {"details.gradient_scaling.skipped_steps": 101}, "skipped_steps: 101, but there were 100 such steps"),
    (FP16, {"details.gradient_scaling.skipped_warmup_steps": 21}, "skipped_warmup_steps: 21, but there were 20 such"),
    (FP16, {"details.gradient_scaling": SIX_SKIPPED}, "skipped 6 of 100 measured steps because their gradient"),
    # memory of a GPU
    (GPU, {"details.ranks.1.peak_reserved_bytes": 5}, "rank 1: peak_memory_bytes, peak_reserved_bytes and run_peak"),
    (GPU, {"details.ranks.0.run_peak_reserved_bytes": 5}, "rank 0: peak_memory_bytes, peak_reserved_bytes and"),
    (GPU, {"details.ranks.0.peak_reserved_bytes": None}, "rank 0: reserved memory: null if and only if it ran on the"),
    (CPU, {"details.ranks.0.peak_reserved_bytes": 5}, "rank 0: reserved memory: null if and only if it ran on the CPU"),
    (GPU, {"details.peak_reserved_bytes": 5}, "details.peak_reserved_bytes: 5, but the other details yield 2e+09"),
    (GPU, {"details.run_peak_reserved_bytes": None}, "details.run_peak_reserved_bytes: null, but the other details"),
    # the step
    (CPU, {"details.reference_check": None}, "details.reference_check: null, but psenet has reference figures"),
    (CPU, {"details.ranks.1.probes.reference_check": None}, "rank 1: reference_check: null"),
    (CPU, {"details.reference_check.figures.loss": 0.7}, "deviation of loss is 0, but the figures yield 0.43585"),
    (
        CPU,
        {"details.ranks.1.probes.reference_check.figures.targets": 3.0},
        "rank 1: reference_check: deviation of targets",
    ),
    (CPU, {"details.ranks.0.probes.graph_check": structs.asdict(graph_check())}, "is not compiled"),
    (COMPILED, {"details.ranks.0.probes.graph_check": None}, "rank 0: graph_check: null, but nothing else checks"),
    (
        COMPILED,
        {"details.ranks.0.probes.graph_check.figures.loss": 0.5},
        "rank 0: graph_check: deviation of loss is 0, but",
    ),
    (
        COMPILED,
        {"details.ranks.0.probes.graph_check.gradient_difference": 2.0},
        "rank 0: graph_check: the gradient of a comp",
    ),
    (COMPILED, {"details.ranks.0.probes.graph_check.gradient_difference": None}, "has another direction"),
    (CPU, {"details.training.0.samples.first": []}, "the samples do not have the positions of this rank"),
    # a GPU
    (
        GPU,
        {f"{OF_GPU}.sm_clock_mhz.min": -1.0},
        "gpus.1.sm_clock_mhz: min, mean and max do not rise, or are not between",
    ),
    (GPU, {f"{OF_GPU}.power_watts.min": -1.0}, "gpus.1.power_watts: min, mean and max do not rise, or are not between"),
    (GPU, {f"{OF_GPU}.utilisation_percent.max": 101.0}, "or are not between 0 and 100"),
    (GPU, {f"{OF_GPU}.clock_event_reasons.sw_power_cap": 0.0}, "clock_event_reasons: sw_power_cap in no sample"),
    (GPU, {f"{OF_GPU}.foreign_processes": None}, "foreign_processes: none, but they had memory or used"),
    # what is combined from the ranks
    (CPU, {"details.measured_seconds": 2.5, "FINAL_RESULT": 16.0}, "details.measured_seconds: 2.5, but"),
    (CPU, {"details.ranks.1.measured_seconds": 9.0}, "details.measured_seconds: 5, but the other details yield 9"),
    (CPU, {"details.data_wait_fraction": 0.0}, "details.data_wait_fraction"),
    (CPU, {"details.rank_spread": 0.5}, "details.rank_spread: 0.5, but the other details yield 0"),
    (CPU, {"details.peak_memory_bytes": 1}, "details.peak_memory_bytes"),
    (CPU, {"details.matmul_tflops": 0.1}, "details.matmul_tflops"),
    (CPU, {"details.loader_only_samples_per_second": 80.0}, "details.loader_only_samples_per_second"),
    (CPU, {"details.step_only_samples_per_second": 5.0}, "details.step_only_samples_per_second"),
    (CPU, {"details.loader_profile": {"decode": 1.0}}, "details.loader_profile: is not that of rank 0"),
    (CPU, {"details.achieved_tflops": 1.0}, "details.achieved_tflops: 1, but the other details yield 0.08"),
    (CPU, {"details.matmul_fraction": 1.0}, "details.matmul_fraction"),
    # the exchange of gradients
    (
        CPU,
        {"details.exposed_communication_fraction": 0.3},
        "exposed_communication_fraction: 0.3, but the other details",
    ),
    (CPU, {"details.exposed_communication_fraction": None}, "exposed_communication_fraction: null, but the other"),
    (
        CPU,
        {"details.ranks.1.probes.communication.exposed_seconds": 0.0},
        "ranks.1.probes.communication.exposed_seconds: 0, but",
    ),
    (
        CPU,
        {"details.ranks.0.probes.communication.local_step_seconds": 0.5},
        "ranks.0.probes.communication.exposed_seconds: 0.1, but",
    ),
    (CPU, {"details.ranks.1.probes.communication": None}, "rank 1: communication: null if and only if the case is sp"),
    # compilation
    (COMPILED, {"details.warmup_steps": 0}, "details.warmup_steps: 0, but the case needs 1: the first"),
    (GPU, {"details.warmup_steps": 10}, "details.warmup_steps: 10, but the case needs 11: DistributedDataParallel"),
    # times
    (CPU, {"details.total_seconds": 4.0, "details.overhead_seconds": 0.0}, "details.total_seconds: 4, but"),
    (CPU, {"details.overhead_seconds": 0.0}, "details.overhead_seconds"),
    (CPU, {"details.overhead": {}}, "details.overhead_seconds: 51, but the other details yield 0"),
    (CPU, {"details.overhead.imports": 8.0}, "details.overhead_seconds: 51, but the other details yield 50"),
    (CPU, {"details.overhead.imports": -9.0}, "details.overhead.imports: -9"),
    (CPU, {"details.setup_seconds": 1e9}, "details.total_seconds: 60, but"),
    (CPU, {"details.ranks.1.data_wait_seconds": 6.0}, "rank 1: data_wait_seconds: more than measured_seconds"),
    (CPU, {"details.ranks.1.cpu_seconds": 11.0}, "rank 1: cpu_seconds: 11, but its cores had at most 10.700 s"),
    (CPU, {"details.ranks.0.cpu_seconds": -1.0}, "details.ranks.0.cpu_seconds: -1"),
    # the distribution
    (CPU, {"details.step_seconds.p50": 0.6}, "min, p50, p95 and max do not rise"),
    (CPU, {"details.step_seconds.min": 0.6}, "min, p50, p95 and max do not rise"),
    (CPU, {"details.step_seconds.mean": 0.6}, "mean is not between min and max"),
    (CPU, {"details.step_seconds.stdev": 0.1}, "stdev 0.1 does not fit"),
    (CPU, {"details.step_seconds.max": 0.6}, "stdev 0 does not fit"),
    (CPU, dict.fromkeys(TYPICAL, 0.25), "2.5 s in all steps, which do not fill the measured window"),
    (GPU, dict.fromkeys(TYPICAL, 0.25), "25 s in all steps, which do not fill the measured window"),
    (GPU, {"details.ranks.0.device_seconds": 51.0}, "do not fill the measured window"),
    (GPU, {"details.ranks.1.device_seconds": 60.0}, "rank 1: device_seconds does not fill the measured window"),
    (GPU, {"details.ranks.1.device_seconds": 20.0}, "rank 1: device_seconds does not fill the measured window"),
    (CPU, {"details.machine.observed_seconds": 0.5}, "details.machine: observed for 0.500 s, less than the measured"),
    # the rest
    (CPU, {"details.loss_last": {"loss": 0.1, "loss_text": 0.1}}, "details.loss_last: other losses than loss_first"),
    (
        CPU,
        {"details.scaling": {"baseline": "psenet_sp_bs4_fp32_cpu1", "efficiency": 1.0}},
        "details.scaling.baseline: is not psenet_sp_bs2_fp32_cpu1",
    ),
]


@pytest.mark.parametrize(("case", "changes", "named"), WRONG)
def test_a_contradiction_is_found_and_named(
    good: dict[str, dict[str, Any]], case: str, changes: dict[str, Any], named: str
) -> None:
    wrong = changed(good[case], changes)
    lines = problems(wrong, SPEED) or found_in(wrong)
    assert any(named in line for line in lines), lines
    assert all(line.isprintable() for line in lines)


def test_a_case_of_one_process_has_no_scaling() -> None:
    scaling = {"details.scaling": {"baseline": "psenet_sp_bs2_fp32_cpu1", "efficiency": 1.0}}
    assert "details.scaling: of a case with one process" in found_in(document(speed_artifact(), scaling))


NOT_RECOMPUTED = {
    # chosen, observed once, or a description: nothing else in the artifact says the same
    *("warmup_steps", "threads_per_process", "loader_workers_per_process", "seed", "gradient_bytes", "setup_seconds"),
    *("first_step_extra_seconds", "data", "environment", "loss_first", "loss_last", "machine"),
    *("training", "first_layer_shape"),  # tests/benchmarks/harness/results/checks/test_training.py
}


def numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from numbers(each, f"{path}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from numbers(each, f"{path}.{index}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def test_every_number_of_an_artifact_is_recomputed_or_known_not_to_be(
    good: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / SPEED.file_name(parse_case(GPU).log_name)
    unseen = set()
    for name, value in numbers(good[GPU]["details"], "details"):
        path.write_text(json.dumps(changed(good[GPU], {name: 2 * value + 1})))
        if gate.judge(path).status == "ok":
            unseen.add(name.split(".")[1] if ".ranks." not in name else name)
    # The slowest rank counts: another one may have been faster, or have waited less.
    of_one_rank = {f"details.ranks.{rank}.probes.step_only_samples_per_second" for rank in (0, 1)}
    assert unseen - NOT_RECOMPUTED <= {
        *of_one_rank,
        "details.ranks.1.data_wait_seconds",
        "details.ranks.0.probes.limits.step_work.operations",
    }


def test_a_run_whose_host_waits_for_its_gpu_fails() -> None:
    own = [speed_report(host_synchronisations=count) for count in (0, 3)]
    artifact = speed.build(finished_run(GPU, own=own), Path("x"), Path("index"))
    failure = failure_of(artifact)
    assert failure is not None
    assert (failure.kind, failure.rank) == ("host_synchronisation", 1)
    assert failure.message.startswith("3 calls in the measured steps made the host wait for the GPU")


def test_a_run_whose_host_waits_in_traced_steps_fails() -> None:
    own = [speed_report(host_synchronisations=0, traced_synchronisations=count) for count in (None, 3)]
    failure = failure_of(speed.build(finished_run(GPU, own=own), Path("x"), Path("index")))
    assert failure is not None
    assert (failure.kind, failure.rank) == ("host_synchronisation", 1)
    assert failure.message.startswith("3 calls in traced steps made the host wait for the GPU")


def test_steps_that_cannot_be_traced_are_no_fault(good: dict[str, dict[str, Any]]) -> None:
    owners = ("details", "details.ranks.0.probes", "details.ranks.1.probes")
    assert found_in(changed(good[GPU], {f"{owner}.traced_synchronisations": None for owner in owners})) == []


def test_a_run_that_contradicts_its_case_fails_and_says_where() -> None:
    run = finished_run(CPU)
    records = [structs.replace(record, samples=1) for record in run.results[1].records]
    run.results[1] = structs.replace(run.results[1], records=tuple(records))
    artifact = speed.build(run, Path("x"), Path("index"))
    failure = failure_of(artifact)
    assert failure is not None
    assert failure.kind == "wrong_result"
    assert failure.message == "details.ranks: rank 1 has 10 samples, but 10 steps of 2 are 20"
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)


def reported(result: RankResult, **changed: Any) -> Raw:
    """What a rank of a speed case reports, some of it changed."""
    own = msgspec.json.decode(result.own, type=SpeedReport)
    return Raw(msgspec.json.encode(structs.replace(own, **changed)))


@pytest.mark.parametrize("seed", range(12))
def test_no_right_run_contradicts_itself(seed: int) -> None:
    """Steps of any length and number, ranks that differ, an uneven window, a pause at its end on a GPU, idle or busy
    cores.
    """
    chance = random.Random(seed)
    case = chance.choice([CPU, GPU, "psenet_sp_bs2_fp32_cpu1", "psenet_sp_bs8_fp16_1"])
    run = finished_run(case, steps=chance.choice([1, 2, 3, 50, 1000]), warmup_steps=chance.choice([0, 1, 5]))
    on_gpu = run.case.device == "cuda"
    for rank, result in enumerate(run.results):
        records = []
        for record in result.records:
            seconds = chance.lognormvariate(-4, 2)
            waited = chance.uniform(0, seconds)
            records.append(
                step_record(
                    record.index,
                    warmup=record.warmup,
                    seconds=seconds,
                    data_wait_seconds=waited,
                    device_seconds=seconds if on_gpu else None,
                    samples=record.samples,
                    loss=chance.random(),
                    loss_scale=record.loss_scale,
                )
            )
        window = sum(record.wall_seconds for record in records if not record.warmup)
        pause = chance.uniform(0, 0.5) if on_gpu else 0.0
        run.results[rank] = structs.replace(
            result,
            records=tuple(records),
            measured_seconds=window + pause,
            own=reported(result, cpu_seconds=chance.uniform(0, 2) * (window + pause)),
        )
    run.seconds = 20 + max(result.measured_seconds for result in run.results)
    artifact = speed.build(run, Path("x"), Path("index"))
    assert failure_of(artifact) is None
    assert found_in(document(artifact)) == []


def test_cpu_time_may_be_that_of_all_cores_that_a_rank_can_use(good: dict[str, dict[str, Any]]) -> None:
    """5 seconds were measured on two cores."""
    cpu_seconds = {"details.ranks.1.cpu_seconds": 15.0}
    assert len(found_in(changed(good[CPU], cpu_seconds))) == 1
    fraction_of_a_core = {"details.machine.quota_cores": 2.9}
    assert "cpu_seconds" not in "".join(found_in(changed(good[CPU], cpu_seconds | fraction_of_a_core)))
    larger_machine = {"details.rank_differences": {"environment.cores": ["2", "3"]}}
    assert found_in(changed(good[CPU], cpu_seconds | larger_machine)) == []


def test_a_light_run_is_checked_like_a_full_one_but_for_its_probes() -> None:
    artifact = document(speed_artifact(CPU, light=True))
    assert found_in(artifact) == []
    for changes, expected in (
        ({"FINAL_RESULT": 8.002}, "FINAL_RESULT: 8.002, but the details yield 8.000"),
        ({"details.ranks.1.cpu_seconds": 11.0}, "rank 1: cpu_seconds: 11"),
        ({"details.host_synchronisations": 0}, "host_synchronisations: 0, but it must be null on the CPU"),
        ({"details.achieved_tflops": 1.0}, "details.achieved_tflops: 1, but the other details yield 0.08"),
    ):
        assert expected in "".join(found_in(changed(artifact, changes)))
