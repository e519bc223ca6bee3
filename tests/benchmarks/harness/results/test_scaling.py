from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.results import store
from benchmarks.harness.results.common import shared_report
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.scaling import scaling
from benchmarks.harness.results.speed_artifact import Scaling, SpeedDetails
from samples import KILLED, document, finished_run, speed_artifact

ON_CPU, ON_GPUS = "psenet_mp_bs4_fp32_cpu2", "psenet_mp_bs16_fp32_2"
COMPILED = "psenet_mp_bs4_fp32_compile_cpu2"
BASELINES = {
    ON_CPU: "psenet_sp_bs2_fp32_cpu1",
    ON_GPUS: "psenet_sp_bs8_fp32_1",
    COMPILED: "psenet_sp_bs2_fp32_compile_cpu1",
}


def put_baseline(folder: Path, case: str, *, light: bool = False, **changes: Any) -> None:
    """The artifact of the single-process case, some of its details changed."""
    artifact = speed_artifact(BASELINES[case], light=light)
    details = structs.replace(artifact.details, **changes)
    name = SPEED.file_name(finished_run(BASELINES[case]).case.log_name)
    store.write(folder / name, structs.replace(artifact, details=details), SPEED)


def scaling_of(case: str, rate: float, folder: Path, *, light: bool = False) -> Scaling | None:
    run = finished_run(case, light=light)
    return scaling(run, rate, shared_report(run), folder)


@pytest.mark.parametrize(("case", "ideal"), [(ON_CPU, 4.0), (ON_GPUS, 2 * 16.0)])
def test_several_processes_are_compared_with_their_ideal(tmp_path: Path, case: str, ideal: float) -> None:
    """On the CPU they share the cores of the single process, so its throughput is the ideal."""
    put_baseline(tmp_path, case)
    assert scaling_of(case, 3.0, tmp_path) == Scaling(BASELINES[case], 3.0 / ideal)


@pytest.mark.parametrize(("baseline", "own", "used"), [(True, True, True), (False, True, True), (True, False, False)])
def test_only_a_light_run_rests_on_a_light_baseline(tmp_path: Path, baseline: bool, own: bool, used: bool) -> None:
    put_baseline(tmp_path, ON_CPU, light=baseline)
    expected = Scaling(BASELINES[ON_CPU], 3.0 / 4.0) if used else None
    assert scaling_of(ON_CPU, 3.0, tmp_path, light=own) == expected


def test_a_single_process_and_a_missing_baseline_have_no_scaling(tmp_path: Path) -> None:
    assert scaling_of(BASELINES[ON_CPU], 3.0, tmp_path) is None
    assert scaling_of(ON_CPU, 3.0, tmp_path) is None


def test_a_failed_or_invalid_baseline_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "ocr_PSENet_sp_bs2_fp32_cpu1_speed"
    store.write(path, speed_artifact(BASELINES[ON_CPU], KILLED), SPEED)
    assert scaling_of(ON_CPU, 3.0, tmp_path) is None
    for text in ("", "{}", '{"JOB_FAIL_FLAG": 0}', "[" * 100_000, f'{{"FINAL_RESULT": 1{"0" * 400}}}'):
        path.write_text(text)
        assert scaling_of(ON_CPU, 3.0, tmp_path) is None
    path.write_text(json.dumps(document(speed_artifact(BASELINES[ON_CPU]), {"FINAL_RESULT": 1e-320})))
    assert scaling_of(ON_CPU, 3.0, tmp_path) is None
    path.unlink()
    os.mkfifo(path)
    assert scaling_of(ON_CPU, 3.0, tmp_path) is None


@pytest.mark.parametrize(
    "other",
    [
        *({"image_size": 640}, {"data_source": "files"}, {"image_cache": "decoded"}, {"device": "another processor"}),
        {"memory_format": "contiguous"},
    ],
    ids=str,
)
def test_a_baseline_of_other_conditions_is_not_used(tmp_path: Path, other: dict[str, Any]) -> None:
    put_baseline(tmp_path, ON_CPU, **other)
    assert scaling_of(ON_CPU, 3.0, tmp_path) is None


def test_another_compile_mode_is_another_condition(tmp_path: Path) -> None:
    for mode, comparable in (("default", True), ("max-autotune", False)):
        put_baseline(tmp_path, COMPILED, compile_mode=mode)
        assert (scaling_of(COMPILED, 3.0, tmp_path) is not None) == comparable


def test_another_version_of_torch_is_another_condition_but_another_commit_is_not(tmp_path: Path) -> None:
    details = speed_artifact(BASELINES[ON_CPU]).details
    assert isinstance(details, SpeedDetails)
    committed = structs.replace(details.environment, git_commit="a" * 40, git_dirty=True)
    put_baseline(tmp_path, ON_CPU, environment=committed)
    assert scaling_of(ON_CPU, 3.0, tmp_path) is not None
    put_baseline(tmp_path, ON_CPU, environment=structs.replace(details.environment, torch="2"))
    assert scaling_of(ON_CPU, 3.0, tmp_path) is None
