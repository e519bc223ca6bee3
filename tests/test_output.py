from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.output import CasePaths, OutputInUseError, claimed


def test_the_files_of_a_case_are_the_contracts(tmp_path: Path) -> None:
    paths = CasePaths.of(parse_case("psenet_sp_bs8_fp32_1"), tmp_path)
    assert paths.train_log == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1"
    assert paths.steps == tmp_path / "train_log" / "ocr_PSENet_sp_bs8_fp32_1.steps.jsonl"
    assert paths.index == tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_speed"


def test_an_output_folder_is_claimed_once_and_let_go_without_a_trace(tmp_path: Path) -> None:
    output = tmp_path / "logs"
    with claimed(output):
        with pytest.raises(OutputInUseError, match=f"another run is writing to {output}"), claimed(output):
            pass
        assert (output / ".lock").exists()
    with claimed(output):
        pass
    assert list(output.iterdir()) == []
