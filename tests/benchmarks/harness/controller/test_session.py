"""A session around its runs. The launch is a fake; real ones are in `tests/end_to_end`."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller import gpus
from benchmarks.harness.controller import session as sessions
from benchmarks.harness.controller.machine.machine_key import key_of_this_machine
from benchmarks.harness.protocol.revision import Revision
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Nodes
from benchmarks.harness.results import history_file, store
from benchmarks.harness.results.common import details_of, failure_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.validation import problems
from faked_sessions import CASE, converge, drawing, end_well, fail, interrupt, session, trained
from samples import KILLED


def artifact(output: Path) -> Any:
    return store.read(output / "index" / "ocr_PSENet_sp_bs2_fp32_cpu1_speed")


def test_a_good_run_leaves_its_artifact_and_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    running = session(monkeypatch, tmp_path, end_well, said)
    result = running.judge(MEASUREMENTS["speed"], CASE)
    assert problems(artifact(tmp_path), SPEED) == []
    assert artifact(tmp_path)["FINAL_RESULT"] == result.artifact.FINAL_RESULT == 4.0
    assert result.step_seconds == (0.5,) * 10
    lines = (tmp_path / "train_log" / "ocr_PSENet_sp_bs2_fp32_cpu1.steps.jsonl").read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(1, 13))
    assert said == [
        f"{CASE}: 4.000 samples/s, 500.0 ms per step, 20.0% waiting for data, bound by data, 18% of the roofline"
    ]
    assert running.rows == [(MEASUREMENTS["speed"], CASE, result.artifact, result.path)]
    assert not (tmp_path / ".reserve").exists()


def test_while_a_case_runs_a_failed_artifact_replaces_the_files_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends pytest itself, the result of an earlier run cannot be taken for one of this run."""
    seen: list[Any] = []
    steps = tmp_path / "train_log" / "ocr_PSENet_sp_bs2_fp32_cpu1.steps.jsonl"

    def look(run: Run, log_path: Path, display: Any) -> None:
        assert not steps.exists()
        seen.append((artifact(tmp_path), (tmp_path / ".reserve").exists(), run.failure))
        end_well(run, log_path, display)

    session(monkeypatch, tmp_path, end_well).measure(MEASUREMENTS["speed"], CASE)
    assert steps.exists()
    session(monkeypatch, tmp_path, look).measure(MEASUREMENTS["speed"], CASE)
    ((document, reserved, failure),) = seen
    assert problems(document, SPEED) == []
    assert (document["JOB_FAIL_FLAG"], document["details"]["failure"]["kind"]) == (1, "interrupted")
    assert document["details"]["finished_at"] is None
    assert reserved
    assert failure is None
    assert artifact(tmp_path)["JOB_FAIL_FLAG"] == 0


def test_a_failed_run_fails_its_test_and_leaves_its_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with pytest.raises(pytest.fail.Exception) as failed:
        session(monkeypatch, tmp_path, fail, said).judge(MEASUREMENTS["speed"], CASE)
    assert str(failed.value) == ("killed (rank 0): rank 0 was killed by SIGKILL [ocr_PSENet_sp_bs2_fp32_cpu1_speed]")
    assert said == [f"{CASE}: killed (rank 0): rank 0 was killed by SIGKILL"]
    assert artifact(tmp_path)["details"]["failure"]["kind"] == "killed"


def test_an_interrupted_run_interrupts_the_session_after_its_artifact_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt, match=str(CASE)):
        session(monkeypatch, tmp_path, interrupt).judge(MEASUREMENTS["speed"], CASE)
    assert artifact(tmp_path)["details"]["failure"]["message"] == "ended by Ctrl-C"


def test_a_case_that_needs_more_gpus_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "missing_gpus", lambda case, nodes: "needs 8 CUDA GPUs, found 0")
    with pytest.raises(pytest.skip.Exception, match="needs 8 CUDA GPUs, found 0"):
        session(monkeypatch, tmp_path, end_well).judge(MEASUREMENTS["speed"], CASE)
    assert list(tmp_path.iterdir()) == []


def test_a_measurement_of_one_node_is_skipped_on_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = session(monkeypatch, tmp_path, end_well, nodes=Nodes(2, 0, "head:29400"))
    with pytest.raises(pytest.skip.Exception, match="convergence cases run on one node"):
        running.judge(MEASUREMENTS["convergence"], CASE)


@pytest.mark.parametrize(
    ("measurement", "nodes", "kind", "message"),
    [
        ("speed", Nodes(), "no_gpu", "needs 1 CUDA GPU, found 0"),
        ("speed", Nodes(2, 0, "head:29400"), "nodes", "1 processes cannot be divided among 2 nodes"),
        ("convergence", Nodes(2, 0, "head:29400"), "nodes", "convergence cases run on one node"),
    ],
)
def test_a_required_case_that_cannot_run_here_fails_with_an_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measurement: str, nodes: Nodes, kind: str, message: str
) -> None:
    monkeypatch.setattr(gpus, "cuda_gpu_count", lambda: 0)
    case = parse_case("psenet_sp_bs16_bf16_1")
    running = session(monkeypatch, tmp_path, lambda *_: pytest.fail("launched"), nodes=nodes, require=True)
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match=f"{kind}: {message}"):
        running.judge(MEASUREMENTS[measurement], case)
    (path,) = (tmp_path / "index").iterdir()
    document = json.loads(path.read_text())
    assert problems(document, MEASUREMENTS[measurement].form) == []
    assert (document["JOB_FAIL_FLAG"], document["details"]["failure"]["kind"]) == (1, kind)
    assert len(history_file.read([tmp_path]).lines) == 1


def test_only_node_0_writes_an_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = parse_case("psenet_mp_bs4_fp32_cpu2")
    running = session(monkeypatch, tmp_path, fail, nodes=Nodes(2, 1, "head:29400"))
    running.measure(MEASUREMENTS["speed"], case)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{case.log_name}.node1.steps.jsonl"]


def test_each_run_of_a_session_has_its_own_ordinal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, ports = parse_case("psenet_mp_bs4_fp32_cpu2"), []

    def look(run: Run, log_path: Path, display: Any) -> None:
        ports.append(run.plan.rendezvous_endpoint)
        fail(run, log_path, display)

    running = session(monkeypatch, tmp_path, look, nodes=Nodes(2, 0, "head:29400"))
    for _ in range(2):
        running.measure(MEASUREMENTS["speed"], case)
    assert ports == ["head:29400", "head:29401"]


def test_a_file_that_cannot_be_written_is_a_failure_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(path: Path, run: Run) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sessions, "write_steps", no_space)
    result = session(monkeypatch, tmp_path, end_well).measure(MEASUREMENTS["speed"], CASE)
    failure = failure_of(result.artifact)
    assert failure is not None
    assert failure.kind == "output"
    assert "cannot be written: [Errno 28] No space left on device" in failure.message
    assert artifact(tmp_path)["details"]["failure"]["kind"] == "output"


def test_an_output_folder_that_cannot_be_written_fails_before_the_launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launched(run: Run, log_path: Path, display: Any) -> None:
        pytest.fail("launched")

    (tmp_path / "index").touch()
    failure = failure_of(session(monkeypatch, tmp_path, launched).measure(MEASUREMENTS["speed"], CASE).artifact)
    assert failure is not None
    assert failure.kind == "output"


def test_an_output_folder_that_is_replaced_while_the_case_runs_is_a_failure_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace_output(run: Run, log_path: Path, display: Any) -> None:
        shutil.rmtree(tmp_path)
        tmp_path.touch()
        end_well(run, log_path, display)

    failure = failure_of(session(monkeypatch, tmp_path, replace_output).measure(MEASUREMENTS["speed"], CASE).artifact)
    assert failure is not None
    assert (failure.kind, "Not a directory" in failure.message) == ("output", True)


def test_the_cause_of_a_failed_run_has_priority_over_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sessions, "write_steps", no_space)
    result = session(monkeypatch, tmp_path, fail).measure(MEASUREMENTS["speed"], CASE)
    assert failure_of(result.artifact) == KILLED


def test_a_picture_that_cannot_be_drawn_does_not_cost_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def no_picture(artifact: Any, path: Path) -> None:
        assert trained(tmp_path)["JOB_FAIL_FLAG"] == 0, "the artifact is written first"
        assert len(history_file.read([tmp_path]).lines) == 1, "and its line in the history"
        raise ValueError("'nonsense' is not a valid value for backend;\nsupported values are ['agg']")

    result = session(monkeypatch, tmp_path, converge, said).measure(drawing(monkeypatch, no_picture), CASE)
    assert result.artifact.JOB_FAIL_FLAG == trained(tmp_path)["JOB_FAIL_FLAG"] == 0
    assert said[0] == (
        f"{CASE}: no picture: ValueError: 'nonsense' is not a valid value for backend; supported values are ['agg']"
    )


def test_every_measurement_leaves_a_line_in_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although each artifact is replaced by the next one."""
    results = [
        session(monkeypatch, tmp_path, launch).measure(MEASUREMENTS["speed"], CASE) for launch in (end_well, fail)
    ]
    lines = history_file.read([tmp_path]).lines
    assert [line.run_id for line in lines] == [details_of(result.artifact).run_id for result in results]
    assert [(line.case, line.measurement, line.FINAL_RESULT, line.failure) for line in lines] == [
        (str(CASE), "speed", 4.0, None),
        (str(CASE), "speed", 0.0, KILLED),
    ]


def test_a_history_that_cannot_be_written_does_not_cost_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "history.jsonl").mkdir()
    said: list[str] = []
    result = session(monkeypatch, tmp_path, end_well, said).measure(MEASUREMENTS["speed"], CASE)
    assert result.artifact.JOB_FAIL_FLAG == artifact(tmp_path)["JOB_FAIL_FLAG"] == 0
    assert "no line in the history: IsADirectoryError" in said[0]


def test_a_shared_history_gets_the_line_too_and_its_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also that of a case which failed before a rank could report where it ran."""
    output, shared = tmp_path / "logs", tmp_path / "new" / "all.jsonl"
    output.mkdir()
    monkeypatch.setattr(sessions, "revision", lambda: Revision("a" * 40, False))
    session(monkeypatch, output, fail, history=shared).measure(MEASUREMENTS["speed"], CASE)
    (line,) = history_file.read([shared]).lines
    assert [line] == history_file.read([output]).lines
    assert (line.git_commit, line.git_dirty, line.machine) == ("a" * 40, False, key_of_this_machine(CASE))


def test_a_shared_history_that_is_that_of_the_output_folder_gets_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(monkeypatch, tmp_path, end_well, history=tmp_path / "history.jsonl").measure(MEASUREMENTS["speed"], CASE)
    assert len(history_file.read([tmp_path]).lines) == 1
    assert history_file.read([tmp_path]).repeated == 0


def test_a_shared_history_that_cannot_be_written_costs_neither_the_result_nor_the_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    shared = tmp_path / "history.jsonl" / "all.jsonl"  # below a file
    result = session(monkeypatch, tmp_path, end_well, said, history=shared).measure(MEASUREMENTS["speed"], CASE)
    assert result.artifact.JOB_FAIL_FLAG == 0
    assert len(history_file.read([tmp_path]).lines) == 1
    own = f"{tmp_path.name}/history.jsonl"
    assert said[0].startswith(f"{CASE}: no line in the shared history (--ocr-history); it is in {own}: ")


def test_a_defect_of_the_suite_is_not_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(path: Path, run: Run) -> None:
        raise KeyError("window")

    monkeypatch.setattr(sessions, "write_steps", defect)
    with pytest.raises(KeyError):
        session(monkeypatch, tmp_path, end_well).measure(MEASUREMENTS["speed"], CASE)
    failure = artifact(tmp_path)["details"]["failure"]
    assert (failure["kind"], failure["message"]) == ("exception", "the artifact cannot be made: KeyError: 'window'")


def test_the_picture_of_a_measurement_is_drawn_next_to_its_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(sessions, "_draw_for_test", lambda artifact, path: drawn.append(path), raising=False)
    measurement = dataclasses.replace(MEASUREMENTS["speed"], picture=f"{sessions.__name__}:_draw_for_test")
    session(monkeypatch, tmp_path, fail).measure(measurement, CASE)
    assert drawn == [tmp_path / "index" / "ocr_PSENet_sp_bs2_fp32_cpu1_speed.png"]
