"""Several runs of a case one after another. The launch is a fake."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.controller import tries
from benchmarks.harness.controller.session import BenchmarkSession
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.report.progress import NoDisplay
from benchmarks.harness.results import store
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.measurements import MEASUREMENTS
from samples import planned_run
from searches import CASE, above, end_try, searched

LARGEST_BATCH = MEASUREMENTS["largest_batch"]
Launch = Callable[[Run, Path, Any], None]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`measure(launch)`: the artifact of a search whose tries are launched so, and what was said."""

    def run(launch: Launch, **settings: Any) -> tuple[Any, list[str]]:
        monkeypatch.setattr(tries, "launch", launch)
        said: list[str] = []
        session = BenchmarkSession(
            Settings(output=tmp_path, **settings), lambda _: nullcontext(NoDisplay()), said.append
        )
        return session.measure(LARGEST_BATCH, planned_run(CASE).case).artifact, said

    return run


def launched(run: Run, log_path: Path, display: Any) -> None:
    """What a launch leaves."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("a") as log:
        log.write(f"{run.log_heading}\n")
    end_try(run, above(20)(run.case.batch_size_per_process))
    run.seconds = 0.0


def test_the_tries_share_a_log_and_leave_one_artifact(tmp_path: Path, measure: Callable[..., Any]) -> None:
    artifact, said = measure(launched)
    log = (tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_cpu1_largest_batch").read_text().splitlines()
    assert log[:4] == [
        "try 1: psenet_sp_bs8_fp32_cpu1",
        "try 1: batch 8 per process: trained, 16.000 samples/s, 8 MiB",
        "try 2: psenet_sp_bs16_fp32_cpu1",
        "try 2: batch 16 per process: trained, 32.000 samples/s, 15 MiB",
    ]
    (path,) = (tmp_path / "index").iterdir()
    document = store.read(path)
    assert (document["FINAL_RESULT"], artifact.JOB_FAIL_FLAG) == (16, 0)
    assert said[0] == f"{CASE}: try 1: batch 8 per process: trained, 16.000 samples/s, 8 MiB"
    assert said[-1].startswith(f"{CASE}: largest batch 16 per process")
    steps = [json.loads(line) for line in next((tmp_path / "train_log").glob("*.jsonl")).read_text().splitlines()]
    assert [(each["try"], each["samples"]) for each in steps[::8]] == [(1, 8), (2, 16)]


def test_the_time_limit_is_that_of_all_tries(measure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    now, limits = [0.0], []
    monkeypatch.setattr("benchmarks.harness.controller.tries.time.monotonic", lambda: now[0])

    def launch(run: Run, log_path: Path, display: Any) -> None:
        limits.append(run.limit_seconds)
        launched(run, log_path, display)
        run.seconds = 10.0
        now[0] += run.seconds

    artifact, _ = measure(launch, timeout_seconds=25.0)
    assert limits == [25.0, 15.0]  # a third would have 5 s, and the shortest took 10 s
    assert (artifact.FINAL_RESULT, artifact.details.ended_by) == (16, "time")


def test_ctrl_c_ends_the_search_during_a_try_and_between_two(measure: Callable[..., Any]) -> None:
    def during(run: Run, log_path: Path, display: Any) -> None:
        launched(run, log_path, display)
        if run.case.batch_size == 16:
            run.failure, run.interrupted = Failure("interrupted", "ended by Ctrl-C"), True

    def between(run: Run, log_path: Path, display: Any) -> None:
        if run.case.batch_size == 16:
            raise KeyboardInterrupt("Ctrl-C")
        launched(run, log_path, display)

    for launch, batches in ((during, [8, 16]), (between, [8])):
        artifact, _ = measure(launch)
        failure = failure_of(artifact)
        assert failure is not None
        assert (failure.kind, failure.message[-15:]) == ("interrupted", "ended by Ctrl-C")
        assert [each.batch_size_per_process for each in artifact.details.tries] == batches


def test_the_plan_of_a_try_differs_in_its_batch_alone() -> None:
    run = searched(above(20))
    first, second = (each.plan for each in run.tries[:2])
    assert (first.case, str(second.case)) == (run.case, "psenet_sp_bs16_fp32_cpu1")
    assert {name for name in first.__struct_fields__ if getattr(first, name) != getattr(second, name)} == {"case"}
    assert (first.steps, first.warmup_steps) == (5, 3)
    assert planned_run(CASE, "largest_batch", steps=2, warmup_steps=1).plan.total_steps == 3
