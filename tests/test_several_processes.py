"""A multi-process case beside the single-process one it is compared with, as a user runs them: in one session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness import artifact
from benchmarks.harness.scaling import scaling
from ocr_models import MODELS, Model
from suite import RunPytest

SP_CASE, SP_NAME = "tiny_sp_bs2_fp32_cpu1", "ocr_Tiny_sp_bs2_fp32_cpu1_speed"
MP_CASE, MP_NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2_speed"
STEPS = 5

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def index(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("processes")
    outcome = run_pytest(
        *("benchmarks", "--ocr-case", SP_CASE, "--ocr-case", MP_CASE, "--ocr-data", image_folder),
        *("--ocr-output", output, "--ocr-image-size", 64, "--ocr-steps", STEPS, "--ocr-warmup", 1),
    )
    assert outcome.code == 0, outcome.text
    return output / "index"


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", Model("Tiny", "tiny_model:training_task"))


@pytest.fixture(scope="module")
def mp(index: Path) -> dict[str, Any]:
    document = artifact.read(index / MP_NAME)
    assert artifact.problems(document) == []
    return document


def test_the_result_is_the_samples_of_all_ranks_over_the_slowest_ranks_seconds(mp: dict[str, Any]) -> None:
    details = mp["details"]
    assert [rank["samples"] for rank in details["ranks"]] == [2 * STEPS, 2 * STEPS]
    assert details["samples"] == 4 * STEPS
    slowest = max(rank["window_seconds"] for rank in details["ranks"])
    fastest = min(rank["window_seconds"] for rank in details["ranks"])
    assert details["window_seconds"] == slowest
    assert details["rank_spread"] == pytest.approx(1 - fastest / slowest)
    assert mp["FINAL_RESULT"] == pytest.approx(4 * STEPS / slowest, abs=1e-3)


def test_details_say_what_the_processes_share_and_exchange(mp: dict[str, Any]) -> None:
    details = mp["details"]
    weights = 4 * 3 * 9 + 4 + 4 + 4 + 4 * 9 + 1  # two convolutions, and a batch norm between them
    assert details["gradient_bytes"] == 4 * weights
    assert (details["nodes"], details["processes"], details["batch_size_per_process"]) == (1, 2, 2)
    assert details["threads_per_process"] == max(1, details["environment"]["cores"] // 2)
    assert mp["gpu_num"] == 0


def test_the_scaling_is_told_against_the_single_process_case(index: Path, mp: dict[str, Any]) -> None:
    efficiency = mp["FINAL_RESULT"] / artifact.read(index / SP_NAME)["FINAL_RESULT"]
    assert mp["details"]["scaling"]["baseline"] == SP_CASE
    assert mp["details"]["scaling"]["efficiency"] == pytest.approx(efficiency, rel=1e-3)


def scaled(index: Path, mp: dict[str, Any]) -> dict[str, Any] | None:
    return scaling(parse_case(MP_CASE), mp["FINAL_RESULT"], mp["details"], index)


def test_another_commit_is_still_the_same_environment(index: Path, mp: dict[str, Any], tmp_path: Path) -> None:
    write_baseline(index, tmp_path, {"environment": {"git_commit": "b" * 40, "git_dirty": None}})
    assert scaled(tmp_path, mp) is not None


@pytest.mark.parametrize(
    "changed",
    [{"environment": {"torch": "2.0.0"}}, {"image_size": 96}, {"device": "another CPU"}, {"data_kind": "synthetic"}],
)
def test_a_result_of_other_conditions_is_no_baseline(
    index: Path, mp: dict[str, Any], tmp_path: Path, changed: dict[str, Any]
) -> None:
    write_baseline(index, tmp_path, changed)
    assert scaled(tmp_path, mp) is None


@pytest.mark.parametrize("text", ["", "{}", '{"JOB_FAIL_FLAG": 0}', None])
def test_a_missing_or_broken_baseline_is_none(mp: dict[str, Any], tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / SP_NAME).write_text(text)
    assert scaled(tmp_path, mp) is None


def write_baseline(index: Path, folder: Path, changed: dict[str, Any]) -> None:
    """The single-process case's artifact with some of its details changed, still a valid one."""
    document = artifact.read(index / SP_NAME)
    for name, value in changed.items():
        old = document["details"][name]
        document["details"][name] = {**old, **value} if isinstance(value, dict) else value
    artifact.write(folder / SP_NAME, json.loads(json.dumps(document)))
