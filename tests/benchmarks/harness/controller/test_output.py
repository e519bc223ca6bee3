from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller.output import (
    OutputInUseError,
    Reserve,
    RunFiles,
    claimed,
    write_steps,
)
from benchmarks.harness.results.measurements import MEASUREMENTS
from samples import planned_run, step_record

CASE = parse_case("psenet_sp_bs8_fp32_1")


def files(output: Path, measurement: str = "speed", node_rank: int = 0) -> RunFiles:
    return RunFiles.of(CASE, MEASUREMENTS[measurement], output, node_rank)


def test_the_files_of_a_speed_case_are_the_contracts(tmp_path: Path) -> None:
    found = files(tmp_path)
    assert found.train_log == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1"
    assert found.steps == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1.steps.jsonl"
    assert found.artifact == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_speed"


def test_a_convergence_case_has_its_own_files(tmp_path: Path) -> None:
    found = files(tmp_path, "convergence")
    assert found.train_log == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1_convergence"
    assert found.artifact == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_convergence"
    assert found.picture == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_convergence.png"


def test_nodes_that_share_a_folder_have_their_own_logs(tmp_path: Path) -> None:
    found = files(tmp_path, node_rank=1)
    assert found.train_log.name == "ocr_PSENet_sp_bs8_fp32_1.node1"
    assert found.steps.name == "ocr_PSENet_sp_bs8_fp32_1.node1.steps.jsonl"
    assert found.artifact == files(tmp_path).artifact


@pytest.mark.parametrize("writes_artifact", [True, False])
def test_files_of_an_earlier_run_are_removed(tmp_path: Path, writes_artifact: bool) -> None:
    found = files(tmp_path)
    paths = [found.train_log, found.steps, found.artifact, found.picture]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found.clear(writes_artifact=writes_artifact)
    found.clear(writes_artifact=writes_artifact)
    assert [path.exists() for path in paths] == [False, False, not writes_artifact, not writes_artifact]


def test_what_a_killed_run_left_half_written_is_removed_but_not_that_of_another_node(tmp_path: Path) -> None:
    found, other = files(tmp_path), files(tmp_path, node_rank=1)
    left = [path.with_name(f".{path.name}.4711.unfinished") for path in (*found.all, other.steps)]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found.clear(writes_artifact=True)
    assert [path for path in left if path.exists()] == [left[-1]]


def test_reserved_disk_space_is_released_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / ".reserve")
    reserve.keep()
    assert reserve.path.stat().st_size == 32 * 1024
    reserve.release()
    reserve.release()
    assert not reserve.path.exists()


def test_step_records_are_json_even_if_a_loss_is_not_finite(tmp_path: Path) -> None:
    run = planned_run()
    run.ranks[0].records.extend([step_record(1, loss=0.5), step_record(2, loss=float("nan"))])
    write_steps(tmp_path / "steps.jsonl", run)
    written = (tmp_path / "steps.jsonl").read_text()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in written.splitlines()]
    assert [(line["rank"], line["index"], line["losses"]) for line in lines] == [
        (0, 1, {"loss": 0.5}),
        (0, 2, {"loss": None}),
    ]


def test_an_output_folder_is_claimed_by_one_run_and_released_without_a_trace(tmp_path: Path) -> None:
    output = tmp_path / "logs"
    with claimed(output):
        with pytest.raises(OutputInUseError, match=f"another run is writing to {output}"), claimed(output):
            pass
        assert (output / ".lock").exists()
    with claimed(output):
        pass
    assert list(output.iterdir()) == []
