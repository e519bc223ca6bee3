"""From the results of the ranks to the speed JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.harness.protocol.machine_report import Freeze
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results import store
from benchmarks.harness.results.artifact import UnfinishedDetails
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.speed import build, contradictions
from benchmarks.harness.results.speed_artifact import LightDetails, SpeedArtifact, SpeedDetails
from benchmarks.harness.results.speed_table import cells, line
from benchmarks.harness.results.validation import problems
from ocr_models import MODELS
from samples import (
    document,
    failed_run,
    finished_run,
    graph_check,
    machine_report,
    reference_check,
    sampled_gpus,
    speed_artifact,
    speed_report,
    step_record,
)

TWO_RANKS = "psenet_mp_bs4_fp32_cpu2"


def built(run: Run, folder: Path = Path("index")) -> tuple[SpeedArtifact, SpeedDetails]:
    """The artifact of a run that ended well, and its details. It fits its schema."""
    artifact = build(run, Path("logs/train_log/x"), folder)
    assert problems(store.to_document(artifact), SPEED) == []
    assert isinstance(artifact.details, SpeedDetails)
    return artifact, artifact.details


def test_the_result_is_samples_of_all_ranks_over_seconds_of_the_slowest() -> None:
    artifact, details = built(finished_run(TWO_RANKS, seconds=(4.0, 5.0)))
    assert (artifact.FINAL_RESULT, artifact.JOB_FAIL_FLAG) == (40 / 5.0, 0)
    assert (details.samples, details.measured_seconds, details.processes) == (40, 5.0, 2)
    assert details.rank_spread == pytest.approx(1 - 4.0 / 5.0)
    assert [rank.measured_seconds for rank in details.ranks] == [4.0, 5.0]


def test_the_phases_of_the_run_are_told_apart() -> None:
    _, details = built(finished_run())
    assert (details.setup_seconds, details.warmup_seconds, details.measured_seconds) == (10.0, 4.0, 5.0)
    assert details.overhead_seconds == 60.0 - 4.0 - 5.0
    assert details.overhead == {"start": 1.0, "imports": 9.0, "matmul": 31.0, "end": 10.0}
    assert details.total_seconds == 60.0
    assert details.compile_seconds is None


def test_what_the_first_step_took_longer_than_a_median_step_is_reported() -> None:
    run = finished_run("psenet_sp_bs2_fp32_compile_cpu1")
    run.records[0] = step_record(1, warmup=True, seconds=20.5)
    assert built(run)[1].first_step_extra_seconds == 20.0


def test_waiting_for_data_is_a_fraction_of_the_slowest_ranks_window() -> None:
    _, details = built(finished_run(TWO_RANKS, seconds=(4.0, 5.0)))
    assert details.data_wait_fraction == pytest.approx(10 * 0.1 / 5.0)


def test_the_losses_are_those_of_the_first_and_the_last_step() -> None:
    _, details = built(finished_run())
    assert (details.loss_first, details.loss_last) == ({"loss": 1.0}, {"loss": 1 / 12})


def test_the_compute_rate_is_compared_with_the_matrix_products_of_all_ranks() -> None:
    _, details = built(finished_run(TWO_RANKS, own=[speed_report(matmul_tflops=0.1), speed_report(matmul_tflops=0.3)]))
    assert details.achieved_tflops == pytest.approx(1e10 * 8 / 1e12)
    assert details.matmul_tflops == pytest.approx(0.4)
    assert details.matmul_fraction == pytest.approx(0.08 / 0.4)


def test_loaders_add_up_and_the_slowest_step_limits_all_ranks() -> None:
    own = [
        speed_report(loader_only_samples_per_second=80, step_only_samples_per_second=5.0),
        speed_report(loader_only_samples_per_second=60, step_only_samples_per_second=4.0),
    ]
    _, details = built(finished_run(TWO_RANKS, own=own))
    assert (details.loader_only_samples_per_second, details.step_only_samples_per_second) == (140, 8.0)


def test_synchronisations_of_all_ranks_are_added_and_null_on_the_cpu() -> None:
    assert built(finished_run())[1].host_synchronisations is None
    own = [speed_report(host_synchronisations=count) for count in (0, 3)]
    assert built(finished_run("psenet_mp_bs4_fp32_2", own=own))[1].host_synchronisations == 3


def test_memory_and_time_of_a_gpu_are_reported_per_rank() -> None:
    run = finished_run("psenet_sp_bs8_fp32_1")
    measured = [structs.replace(record, device_seconds=0.25) for record in run.results[0].records]
    run.results[0] = structs.replace(run.results[0], records=tuple(measured))
    _, details = built(run)
    assert details.peak_memory_of == "device"
    assert details.ranks[0].device_seconds == 0.25 * details.measured_steps
    assert details.step_seconds.p50 == 0.25
    assert built(finished_run())[1].peak_memory_of == "process"


def test_a_wrong_graph_of_any_rank_fails_the_case() -> None:
    own = [speed_report(graph_check=graph_check()), speed_report(graph_check=graph_check(loss=0.6))]
    artifact, details = built(finished_run("psenet_mp_bs4_fp32_compile_cpu2", own=own))
    failure = failure_of(artifact)
    assert failure is not None
    assert (failure.kind, failure.rank) == ("wrong_result", 1)
    assert failure.message.startswith(
        "the loss of a compiled step, compared with one without compilation, is 0.6 instead of 0.7: 14.3% off"
    )
    assert [rank.probes.graph_check for rank in details.ranks] == [graph_check(), graph_check(loss=0.6)]


def test_a_wrong_step_of_any_rank_fails_the_case_and_keeps_its_details() -> None:
    own = [speed_report(), speed_report(reference_check=reference_check(loss=0.6))]
    artifact, details = built(finished_run(TWO_RANKS, own=own))
    failure = failure_of(artifact)
    assert failure is not None
    assert (failure.kind, failure.rank) == ("wrong_result", 1)
    assert "the loss of a step on fixed weights and images is 0.6 instead of 0.487516" in failure.message
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)
    assert details.samples == 40


def test_ranks_that_disagree_fail_the_case() -> None:
    run = finished_run(TWO_RANKS)
    report = structs.replace(run.results[1].report, parameters_sha256="b")
    run.results[1] = structs.replace(run.results[1], report=report)
    failure = failure_of(built(run)[0])
    assert failure is not None
    assert (failure.kind, failure.rank) == ("rank_mismatch", 1)


def test_a_model_without_reference_figures_passes_without_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], reference_figures=None))
    artifact, details = built(finished_run(own=[speed_report(reference_check=None)]))
    assert artifact.JOB_FAIL_FLAG == 0
    assert details.reference_check is None


def test_a_run_that_did_not_reach_its_end_has_its_plan_and_its_failure() -> None:
    artifact = build(failed_run(steps_done=3), Path("x"), Path("index"))
    details = artifact.details
    assert isinstance(details, UnfinishedDetails)
    assert (details.steps_done, details.total_seconds, details.measured_steps) == (3, 12.5, 10)
    assert (details.failure.kind, details.failure.rank) == ("killed", 0)
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)


def test_a_good_artifact_has_no_contradictions_and_a_changed_one_has() -> None:
    artifact, details = built(finished_run())
    assert contradictions(artifact) == []
    (found,) = contradictions(structs.replace(artifact, FINAL_RESULT=99.0))
    assert found == "FINAL_RESULT: 99, but the details yield 4.000"
    check, rank = reference_check(parameters=190), details.ranks[0]
    wrong = structs.replace(
        details,
        reference_check=check,
        ranks=[structs.replace(rank, probes=structs.replace(rank.probes, reference_check=check))],
    )
    (found,) = contradictions(structs.replace(artifact, details=wrong))
    assert found.startswith("details.reference_check: in a step on fixed weights and images 190 of 192 parameters")


def test_a_result_is_one_line_and_one_row() -> None:
    artifact, _ = built(finished_run())
    assert line(artifact) == (
        "4.000 samples/s, 500.0 ms per step, 20.0% waiting for data, bound by data, 18% of the roofline"
    )
    assert cells(artifact) == ["4.000", "80.000", "5.000", "500.0 ms", "20.0%", "data, 18%", "51.0 s", "quiet"]
    assert cells(build(failed_run(), Path("x"), Path("index"))) == []


def test_a_disturbed_machine_is_reported_with_its_reasons() -> None:
    run = finished_run()
    run.machine = machine_report(foreign_cores=0.9)
    artifact, details = built(run)
    assert artifact.JOB_FAIL_FLAG == 0
    assert details.machine is not None
    assert details.machine.verdict == "disturbed"
    assert line(artifact).endswith(
        "of the roofline; machine disturbed: other programs used 0.90 of 2 cores (limit 0.10)"
    )
    assert cells(artifact)[-1] == "disturbed"
    assert contradictions(artifact) == []


def test_a_disturbed_machine_fails_a_strict_case() -> None:
    run = finished_run(strict_machine=True)
    run.machine = machine_report(foreign_cores=0.9)
    artifact, details = built(run)
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)
    assert details.failure == Failure(
        "disturbed", "other programs used 0.90 of 2 cores (limit 0.10) (--ocr-strict-machine)"
    )


def test_a_freeze_always_fails_the_case_and_the_gate_finds_it_too() -> None:
    run = finished_run()
    run.machine = machine_report(freeze=Freeze(8.0, 8.0, 5, "rank 0 is stopped by SIGSTOP"))
    artifact, details = built(run)
    assert artifact.JOB_FAIL_FLAG == 1
    assert details.machine is not None
    assert "details.machine: step 5 was held up" in " ".join(contradictions(artifact))


def test_a_machine_that_was_not_observed_is_unknown() -> None:
    run = finished_run()
    run.machine = None
    artifact, details = built(run)
    assert artifact.JOB_FAIL_FLAG == 0
    assert details.machine is None
    assert cells(artifact)[-1] == "unknown"


def test_a_gpu_that_was_not_observed_is_mentioned_and_fails_a_strict_case() -> None:
    artifact, _ = built(finished_run("psenet_sp_bs8_fp32_1"))
    assert line(artifact).endswith("; 1 of 1 GPU not observed")
    strict, details = built(finished_run("psenet_sp_bs8_fp32_1", strict_machine=True))
    assert strict.JOB_FAIL_FLAG == 1
    assert details.failure == Failure("disturbed", "1 of 1 GPU not observed (--ocr-strict-machine)")
    assert "details.machine: 1 of 1 GPU not observed (--ocr-strict-machine)" in contradictions(strict)
    strict, _ = built(sampled_gpus(finished_run("psenet_sp_bs8_fp32_1", strict_machine=True)))
    assert strict.JOB_FAIL_FLAG == 0
    assert "observed" not in line(strict)


def test_an_unsteady_result_is_reported_as_such() -> None:
    artifact = speed_artifact()
    assert isinstance(artifact.details, SpeedDetails)
    seconds = structs.replace(artifact.details.step_seconds, p50=3.0, p95=9.0)
    unsteady = structs.replace(artifact, details=structs.replace(artifact.details, step_seconds=seconds))
    assert line(unsteady).endswith("of the roofline; unsteady: p95 of the step time is 3.0 x the median")


@pytest.mark.parametrize(
    "phases",
    [
        {},
        {"warm-up": 10.0},
        {"measured steps": 14.0},
        {"warm-up": -3580.0, "measured steps": 14.0},
        {"warm-up": 20.0, "measured steps": 4.0},
    ],
)
def test_a_missing_or_impossible_time_of_a_phase_does_not_cost_the_result(phases: dict[str, float]) -> None:
    run = finished_run()
    run.phase_seconds = phases
    artifact, details = built(run)
    assert artifact.JOB_FAIL_FLAG == 0
    assert min(details.setup_seconds, details.warmup_seconds, details.overhead_seconds) >= 0


def test_a_light_run_has_the_figures_of_its_steps_and_none_of_the_probes() -> None:
    full, light = (document(speed_artifact(TWO_RANKS, light=light)) for light in (False, True))
    assert (light["details"]["source"], light["JOB_FAIL_FLAG"]) == ("light_run", 0)
    assert light["FINAL_RESULT"] == full["FINAL_RESULT"]
    assert problems(light, SPEED) == []
    assert len(problems(light | {"mission_name": "CV"}, SPEED)) == 1
    assert full["details"].keys() - light["details"].keys() == {
        *("matmul_tflops", "matmul_fraction", "matmul_held_tflops", "copy_terabytes_per_second", "roofline"),
        *("traced_synchronisations", "loader_only_samples_per_second", "step_only_samples_per_second"),
        *("exposed_communication_fraction", "loader_profile", "reference_check"),
    }
    assert light["details"].keys() <= full["details"].keys()
    for own, other in zip(full["details"]["ranks"], light["details"]["ranks"], strict=True):
        assert own == other | {"probes": own["probes"]}


def test_cpu_seconds_are_those_that_each_rank_reported() -> None:
    own = [speed_report(cpu_seconds=seconds) for seconds in (4.5, 5.5)]
    _, details = built(finished_run(TWO_RANKS, own=own))
    assert [rank.cpu_seconds for rank in details.ranks] == [4.5, 5.5]


def test_a_light_run_fails_for_what_its_steps_show() -> None:
    def failure_kind(run: Run) -> str | None:
        artifact = build(run, Path("logs/train_log/x"), Path("index"))
        assert isinstance(artifact.details, LightDetails)
        assert problems(store.to_document(artifact), SPEED) == []
        failure = failure_of(artifact)
        return None if failure is None else failure.kind

    assert failure_kind(finished_run(light=True)) is None
    waiting = [speed_report(host_synchronisations=3)]
    assert failure_kind(finished_run("psenet_sp_bs8_fp32_1", own=waiting, light=True)) == "host_synchronisation"
    differing = finished_run(TWO_RANKS, light=True)
    report = structs.replace(differing.results[1].report, parameters_sha256="b")
    differing.results[1] = structs.replace(differing.results[1], report=report)
    assert failure_kind(differing) == "rank_mismatch"
    disturbed = finished_run(light=True, strict_machine=True)
    disturbed.machine = None
    assert failure_kind(disturbed) == "disturbed"
    untrained = finished_run(light=True)
    training = untrained.results[0].report.training
    unchanged = structs.replace(training, parameters=structs.replace(training.parameters, changed=0))
    report = structs.replace(untrained.results[0].report, training=unchanged)
    untrained.results[0] = structs.replace(untrained.results[0], report=report)
    assert failure_kind(untrained) == "wrong_result"


def test_a_light_run_has_no_cells_for_its_probes() -> None:
    artifact = speed_artifact(light=True)
    assert cells(artifact)[:3] == ["4.000", "-", "-"]
    assert cells(artifact)[5] == "light run"
    assert line(artifact).startswith("4.000 samples/s, 500.0 ms per step, 20.0% waiting for data, light run")
    assert "light" not in line(speed_artifact())
