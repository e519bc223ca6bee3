from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.launch import planned
from benchmarks.harness.output import CasePaths, OutputInUseError, claimed, write_steps
from benchmarks.harness.records import StepRecord
from benchmarks.harness.settings import Settings


def test_the_files_of_a_case_are_the_contracts(tmp_path: Path) -> None:
    paths = CasePaths.of(parse_case("psenet_sp_bs8_fp32_1"), tmp_path)
    assert paths.train_log == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1"
    assert paths.steps == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1.steps.jsonl"
    assert paths.index == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_speed"


def test_a_convergence_case_has_files_of_its_own(tmp_path: Path) -> None:
    paths = CasePaths.of(parse_case("psenet_sp_bs8_fp32_1"), tmp_path, kind="convergence")
    assert paths.train_log == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1_convergence"
    assert paths.index == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_convergence"
    assert paths.picture == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_convergence.png"


def test_step_records_are_json_also_where_a_loss_is_no_number(tmp_path: Path) -> None:
    run = planned(parse_case("psenet_sp_bs2_fp32_cpu1"), Settings(output=tmp_path))
    losses = {"loss": float("nan"), "loss_text": 0.5}
    run.ranks[0].records.append(StepRecord(1, False, 1.0, 0.0, None, 2, losses))
    write_steps(tmp_path / "steps.jsonl", run)
    (line,) = (tmp_path / "steps.jsonl").read_text().splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["losses"] == {"loss": None, "loss_text": 0.5}


def test_an_output_folder_is_claimed_once_and_let_go_without_a_trace(tmp_path: Path) -> None:
    output = tmp_path / "logs"
    with claimed(output):
        with pytest.raises(OutputInUseError, match=f"another run is writing to {output}"), claimed(output):
            pass
        assert (output / ".lock").exists()
    with claimed(output):
        pass
    assert list(output.iterdir()) == []
