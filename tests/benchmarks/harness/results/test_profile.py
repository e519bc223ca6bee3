"""From the profiles of the ranks to the profile JSON, its verdict and its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw, structs

from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results import store
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.formats import PROFILE
from benchmarks.harness.results.profile import HEADINGS, TRACE_SUFFIX, build, cells, contradictions, line
from benchmarks.harness.results.profile_artifact import ProfileArtifact, ProfileDetails
from benchmarks.harness.results.validation import problems
from profiles import PROFILE_CASE, profile_report, profiled_run
from samples import document, failed_run

GPU_CASE = "psenet_sp_bs8_bf16_1"
TWO_RANKS = "psenet_mp_bs4_fp32_cpu2"


def built(run: Run, folder: Path) -> ProfileArtifact:
    """The artifact of a run, which fits its schema and does not contradict itself."""
    artifact = build(run, Path(f"logs/train_log/{run.case.log_name}_profile"), folder)
    assert problems(document(artifact), PROFILE) == []
    assert contradictions(artifact) == []
    return artifact


def details_of(artifact: ProfileArtifact) -> ProfileDetails:
    assert isinstance(artifact.details, ProfileDetails)
    return artifact.details


def test_the_result_is_the_share_of_the_time_in_which_the_device_computes(tmp_path: Path) -> None:
    artifact = built(profiled_run(), tmp_path)
    assert (artifact.FINAL_RESULT, artifact.UNIT, artifact.index, artifact.JOB_FAIL_FLAG) == (80.0, "%", 3, 0)
    details = details_of(artifact)
    assert (details.profiled_steps, details.measured_steps) == (2, 2)
    assert (details.step_seconds, details.profiled_step_seconds) == (0.5, 0.25)
    assert details.profiler_overhead == -0.5
    assert (details.data_wait_fraction, details.profiled_data_wait_fraction) == pytest.approx((0.2, 0.1))
    assert [each.group for each in details.profile.groups] == ["convolution", "matmul"]


def test_a_case_on_a_gpu_has_kernels_launches_and_waits(tmp_path: Path) -> None:
    details = details_of(built(profiled_run(GPU_CASE), tmp_path))
    assert (details.kernels_per_step, details.launches_per_step, details.host_waits_per_step) == (2 / 3, 0, 0)
    assert [each.name for each in details.profile.top_kernels] == ["fprop", "gemm"]


def test_the_shares_of_all_ranks_are_listed_and_the_details_are_those_of_rank_0(tmp_path: Path) -> None:
    run = profiled_run(TWO_RANKS)
    slower = profile_report(1, run.plan.steps, on_gpu=False, communicates=True)
    slower = structs.replace(slower, profile=structs.replace(slower.profile, busy_seconds=0.2, busy_fraction=0.4))
    run.results[1] = structs.replace(run.results[1], own=Raw(msgspec.json.encode(slower)))
    artifact = built(run, tmp_path)
    assert artifact.FINAL_RESULT == 60.0
    details = details_of(artifact)
    assert [each.busy_fraction for each in details.ranks] == [0.8, 0.4]
    assert details.communication is not None
    assert details.communication.overlapped_seconds_per_step == 0.005


def test_a_trace_next_to_the_artifact_is_named(tmp_path: Path) -> None:
    name = PROFILE.file_name(profiled_run().case.log_name) + TRACE_SUFFIX
    (tmp_path / name).touch()
    details = details_of(built(profiled_run(), tmp_path))
    assert (details.trace, details.trace_problem) == (name, None)


@pytest.mark.parametrize("of_rank", [True, False])
def test_a_trace_that_could_not_be_written_is_no_failure_and_the_reason_is_given(tmp_path: Path, of_rank: bool) -> None:
    run = profiled_run(trace_problem="no space" if of_rank else None)
    run.attachment_problem = "no such file" if of_rank else "no space"
    artifact = built(run, tmp_path)
    assert artifact.JOB_FAIL_FLAG == 0
    assert (details_of(artifact).trace, details_of(artifact).trace_problem) == (None, "no space")
    assert "; no trace: no space" in line(artifact)


def test_names_in_the_artifact_have_no_private_data(tmp_path: Path) -> None:
    detail = profile_report(0, 2, on_gpu=False, communicates=False).detail
    assert detail is not None
    operators = [structs.replace(each, name="/home/alice/ops.py::mine") for each in detail.top_operators]
    run = profiled_run(detail=structs.replace(detail, top_operators=operators))
    names = [each.name for each in details_of(built(run, tmp_path)).profile.top_operators]
    assert not any("alice" in each for each in names)


def test_a_run_that_failed_early_has_no_figures(tmp_path: Path) -> None:
    artifact = build(failed_run(PROFILE_CASE, "profile"), Path("logs/train_log/x"), tmp_path)
    assert problems(document(artifact), PROFILE) == []
    assert (artifact.FINAL_RESULT, artifact.JOB_FAIL_FLAG, cells(artifact)) == (0, 1, [])


def test_figures_that_contradict_each_other_withhold_the_result(tmp_path: Path) -> None:
    detail = profile_report(0, 2, on_gpu=False, communicates=False).detail
    assert detail is not None
    run = profiled_run(detail=structs.replace(detail, groups=detail.groups[:1]))
    failure = failure_of(build(run, Path("logs/train_log/x"), tmp_path))
    assert failure is not None
    assert (failure.kind, "groups: their seconds are not the busy time" in failure.message) == ("wrong_result", True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"FINAL_RESULT": 81.0}, "FINAL_RESULT: 81, but the details yield 80.000"),
        ({"details.profiled_steps": 3}, "profiled_steps: 3, but the other details yield 2"),
        ({"details.profiler_overhead": 0.1}, "profiler_overhead: 0.1"),
        ({"details.profile.groups.0.share": 0.4}, "the share of convolution is not that of its seconds"),
        ({"details.profile.groups.0.parts": {}}, "the parts of convolution are not its seconds"),
        ({"details.profile.top_operators.0.share": 0.1}, "top_operators: their shares"),
        ({"details.profile.top_operators.0.seconds_per_step": 0.0}, "one has a larger share than its seconds"),
        ({"details.profile.other_operators.names": 4}, "4 names, but the list has room"),
        ({"details.profile.gaps.seconds_per_step": 0.0}, "gaps: their seconds and the busy time"),
        ({"details.ranks.0.busy_fraction": 0.7}, "busy_fraction is not busy_seconds / profiled_seconds"),
        ({"details.ranks.0.busy_seconds": 0.6}, "busy for 0.6 s of 0.5 s"),
        ({"details.ranks.0.launches_per_step": 3}, "null if and only if it ran on the CPU"),
        ({"details.operators_per_step": 7}, "operators_per_step: not that of rank 0"),
        ({"details.trace_problem": None}, "trace_problem: null if and only if there is a trace"),
    ],
)
def test_the_gate_recomputes_what_can_be_recomputed(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    artifact = store.decoded(document(built(profiled_run(), tmp_path), changes), PROFILE)
    assert any(expected in each for each in contradictions(artifact)), contradictions(artifact)


def test_a_gpu_without_kernels_is_no_good_profile(tmp_path: Path) -> None:
    changes = {"details.ranks.0.kernels_per_step": 0.0, "details.kernels_per_step": 0.0}
    artifact = store.decoded(document(built(profiled_run(GPU_CASE), tmp_path), changes), PROFILE)
    assert any("no kernels" in each for each in contradictions(artifact))


def test_a_result_is_one_line_and_one_row(tmp_path: Path) -> None:
    artifact = built(profiled_run(), tmp_path)
    assert line(artifact).startswith(
        "80.0 % of the time in operators (convolution 50%, matmul 50%), 500.0 ms per step, -50% with the profiler"
    )
    row = cells(artifact)
    assert len(row) == len(HEADINGS)
    assert row == ["80.0 %", "convolution 50%", "matmul 50%", "-", "-", "-", "100.0 ms", "20.0%", "-50%"]
    assert line(built(profiled_run(GPU_CASE), tmp_path)).startswith("80.0 % of the time busy (")
