"""From what ranks report of their memory to the memory JSON, and what the gate finds in one."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.protocol.memory_report import BatchPeak
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import store
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.formats import MEMORY
from benchmarks.harness.results.memory import HEADINGS, cells, contradictions, line
from benchmarks.harness.results.memory_artifact import MemoryArtifact, MemoryDetails, MemoryShares
from benchmarks.harness.results.memory_shares import bytes_per_sample, kept_for_backward, shares_of
from benchmarks.harness.results.validation import problems
from memory_runs import CPU, GPU, memory_artifact, memory_report, memory_run, step_memory
from samples import changed, document, failed_run

MEBIBYTE = 2**20


def built(case: str) -> tuple[MemoryArtifact, MemoryDetails]:
    artifact = memory_artifact(memory_run(case))
    assert problems(document(artifact), MEMORY) == []
    assert isinstance(artifact.details, MemoryDetails)
    return artifact, artifact.details


def test_the_shares_of_a_peak_add_up_to_it() -> None:
    report = memory_report()
    of_gpu = shares_of(1000, report.tensors, report.moment, None)
    assert of_gpu == MemoryShares(50, 10, 20, 30, 10, 0, activations=300, process=None, other=580)
    of_cpu = shares_of(1000, report.tensors, report.moment, 400)
    assert of_cpu == MemoryShares(50, 10, 20, 30, 10, 0, activations=300, process=300, other=280)
    of_graphs = shares_of(1000, report.tensors, None, None, graph_pools=700)
    assert (of_graphs.graph_pools, of_graphs.activations, of_graphs.other) == (700, None, 200)
    unknown = shares_of(1000, report.tensors, None, None)
    assert unknown == MemoryShares(50, 10, 0, 30, 10, 0, activations=None, process=None, other=900)


def test_gradients_in_buckets_belong_neither_to_the_process_nor_to_the_activations() -> None:
    report = memory_report()
    assert report.moment is not None
    moment = structs.replace(report.moment, gradient_bytes=50, new_gradient_bytes=0)
    found = shares_of(1000, report.tensors, moment, 400)
    assert (found.gradients, found.process, found.activations) == (50, 250, 320)


@pytest.mark.parametrize("peak", [1, 55, 130, 999])
def test_no_share_is_negative_whatever_the_peak(peak: int) -> None:
    report = memory_report()
    sizes = [each or 0 for each in structs.asdict(shares_of(peak, report.tensors, report.moment, 20)).values()]
    assert min(sizes) >= 0
    assert sum(sizes) == peak


def test_a_sample_needs_the_slope_between_two_batch_sizes() -> None:
    assert bytes_per_sample([BatchPeak(8, 1000), BatchPeak(4, 600)]) == 100
    assert bytes_per_sample([BatchPeak(1, 600), BatchPeak(2, 1000)]) == 400
    assert bytes_per_sample([BatchPeak(8, 600), BatchPeak(4, 600)]) is None
    assert bytes_per_sample([BatchPeak(4, 600)]) is bytes_per_sample([]) is None


def test_what_the_forward_pass_leaves_is_kept_for_backward() -> None:
    step = step_memory()
    assert kept_for_backward(step) == 300
    before = structs.replace(step.before_step, allocated_bytes=None)
    assert kept_for_backward(structs.replace(step, before_step=before)) is None


def test_the_artifact_is_that_of_the_rank_with_the_highest_peak() -> None:
    more = memory_report(peak_bytes=3 * MEBIBYTE, host_peak_bytes=4 * MEBIBYTE)
    artifact = memory_artifact(memory_run(CPU, memory_report(), more))
    details = artifact.details
    assert isinstance(details, MemoryDetails)
    assert (artifact.FINAL_RESULT, artifact.UNIT, artifact.index, details.of_rank) == (3.0, "MiB", 2, 1)
    assert [(each.rank, each.peak_bytes) for each in details.ranks] == [(0, 1000), (1, 3 * MEBIBYTE)]
    assert (details.memory_of, details.peak_source, details.fragmentation_bytes) == ("process", "kernel", None)
    assert details.bytes_per_sample == 400
    assert "3.0 MiB resident at the peak: other 100%" in line(artifact)
    assert len(cells(artifact)) == len(HEADINGS)


def test_on_a_gpu_the_allocator_and_the_snapshot_are_reported() -> None:
    artifact, details = built(GPU)
    assert (details.memory_of, details.fragmentation_bytes) == ("device", 200)
    assert details.snapshot is not None
    assert "MiB allocated at the peak: other 58%, activations 30%, parameters 5%" in line(artifact)


def test_a_peak_that_does_not_grow_with_the_batch_is_named() -> None:
    same = memory_report(batch_peaks=[BatchPeak(2, 1000), BatchPeak(1, 1000)])
    details = memory_artifact(memory_run(CPU, same, same)).details
    assert isinstance(details, MemoryDetails)
    assert (details.bytes_per_sample, details.batch_note) == (None, "the peak does not grow with the batch")


def test_a_note_names_nobody() -> None:
    """The error of a full disk has the path of the file."""
    report = memory_report(on_gpu=True, samples=8, snapshot=None, snapshot_note="No space: '/home/alice/x'")
    details = memory_artifact(memory_run(GPU, report)).details
    assert isinstance(details, MemoryDetails)
    assert details.snapshot_note == "No space: '~/x'"


def test_a_case_out_of_memory_leaves_a_failed_artifact() -> None:
    artifact = memory_artifact(failed_run(GPU, "memory", Failure("out_of_memory", "tried to allocate 20 GiB", 0)))
    assert problems(document(artifact), MEMORY) == []
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT, cells(artifact)) == (1, 0, [])


def test_a_report_that_contradicts_itself_withholds_the_result() -> None:
    artifact = memory_artifact(memory_run(GPU, memory_report(on_gpu=True, samples=8, peak_reserved_bytes=900)))
    failure = failure_of(artifact)
    assert failure is not None
    assert (failure.kind, artifact.FINAL_RESULT) == ("wrong_result", 0)
    assert "peak_reserved_bytes: less than peak_bytes" in failure.message


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (CPU, {"FINAL_RESULT": 2.0}, "FINAL_RESULT: 2, but the details yield 0.001"),
    (CPU, {"details.shares.other": 281}, "details.shares: their sum is 1001, but peak_bytes is 1000"),
    (CPU, {"details.shares.activations": 0}, "details.shares.activations: 0, but the other details yield 300"),
    (CPU, {"details.shares.process": None}, "details.shares.process: null, but the other details yield 300"),
    (CPU, {"details.kept_for_backward_bytes": 1}, "kept_for_backward_bytes: 1, but the other details yield 300"),
    (CPU, {"details.bytes_per_sample": 1.0}, "details.bytes_per_sample: 1, but the other details yield 400"),
    (CPU, {"details.batch_peaks.1.samples": 3}, "details.batch_peaks: of [2, 3] samples, but the case has 2"),
    (CPU, {"details.batch_note": "why"}, "details.batch_note: null if and only if nothing is missing"),
    (CPU, {"details.of_rank": 1}, "details.of_rank: 1, but the other details yield 0"),
    (CPU, {"details.ranks.1.peak_bytes": 1100}, "details.peak_bytes: 1000, but the other details yield 1100"),
    (CPU, {"details.ranks.1.host_peak_bytes": 900}, "rank 1: host_peak_bytes: less than peak_bytes"),
    (CPU, {"details.ranks.1.rank": 0}, "details.ranks: not those of the case, 0 to 1, in order"),
    (CPU, {"details.memory_of": "device"}, "details.memory_of: device, but the case needs process"),
    (CPU, {"details.peak_source": "allocator"}, "details.peak_source: allocator, but the case runs on cpu"),
    (CPU, {"details.moment_note": "why"}, "details.moment_note: null if and only if nothing is missing"),
    (CPU, {"details.moment.gradient_bytes": 60}, "details.moment: gradient_bytes: less than the new ones, or more"),
    (CPU, {"details.training.0.samples.first": []}, "the samples do not have the positions of this rank"),
    (GPU, {"details.allocator": None}, "details.allocator: null if and only if the case runs on the CPU"),
    (GPU, {"details.ranks.0.peak_reserved_bytes": None}, "rank 0: peak_reserved_bytes: null if and only if it ran on"),
    (GPU, {"details.fragmentation_bytes": 1}, "details.fragmentation_bytes: 1, but the other details yield 200"),
    (GPU, {"details.graph_pool_bytes": 5}, "details.graph_pool_bytes: 5, but the case has no CUDA graphs"),
    (GPU, {"details.peak_memory_bytes": 7}, "details.peak_memory_bytes: 7, but the other details yield 1000"),
    (
        GPU,
        {"details.step.forward.peak_bytes": 7},
        "step.forward: allocated and peak memory of a GPU do not rise",
    ),
    (GPU, {"details.moment.allocated_bytes": 999}, "details.moment: allocated_bytes: more than the peak of its step"),
    (GPU, {"details.snapshot": None}, "details.snapshot_note: null if and only if nothing is missing"),
]


@pytest.fixture(scope="module")
def good() -> dict[str, dict[str, Any]]:
    return {case: document(built(case)[0]) for case in (CPU, GPU)}


def test_a_right_artifact_contains_no_contradiction(good: dict[str, dict[str, Any]]) -> None:
    assert [contradictions(store.decoded(each, MEMORY)) for each in good.values()] == [[], []]


@pytest.mark.parametrize(("case", "changes", "message"), WRONG, ids=[" ".join(each[1]) for each in WRONG])
def test_what_contradicts_other_figures_is_found(
    good: dict[str, dict[str, Any]], case: str, changes: dict[str, Any], message: str
) -> None:
    wrong = changed(good[case], changes)
    assert problems(wrong, MEMORY) == []
    assert message in "\n".join(contradictions(store.decoded(wrong, MEMORY)))
