"""The command that says what steps cost the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nullcuda import host_costs

CASE = "crnnvgg128_sp_bs2_fp32_1"


@pytest.mark.usefixtures("null_device")
def test_the_table_has_counts_and_milliseconds(word_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert host_costs.main([CASE, "--data", str(word_folder)]) == 0
    heading, _, row = capsys.readouterr().out.splitlines()
    assert heading == "| case | kernels | cuBLAS | cuDNN | copies | host ms |"
    case, *counts, milliseconds = row.strip("| ").split(" | ")
    assert case == CASE
    assert all(int(count) > 0 for count in counts)
    assert 0 < float(milliseconds) < 1000


@pytest.mark.parametrize(
    ("case", "message"),
    [("crnn", "is not a case"), ("crnn_sp_bs2_fp32_cpu1", "not a case of one process on a GPU")],
)
def test_other_cases_are_refused(case: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        host_costs.main([case])
    assert message in capsys.readouterr().err
