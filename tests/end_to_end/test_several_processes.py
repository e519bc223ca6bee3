"""A multi-process case and the single-process case it is compared with, as a user runs them: in one session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artifacts import read_artifact
from suite import RunPytest

SP_CASE, SP_NAME = "tiny_sp_bs2_fp32_cpu1", "ocr_Tiny_sp_bs2_fp32_cpu1"
MP_CASE, MP_NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2"
STEPS = 5

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def output(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("processes")
    outcome = run_pytest(
        *("benchmarks", "--ocr-case", SP_CASE, "--ocr-case", MP_CASE, "--ocr-data", image_folder),
        *("--ocr-output", output, "--ocr-image-size", 64, "--ocr-steps", STEPS, "--ocr-warmup", 1),
        *("--ocr-loader-workers", 0),
    )
    assert outcome.code == 0, outcome.text
    assert f"ocr: running 2 speed cases: {SP_CASE}, {MP_CASE}\n" in outcome.text
    return output


@pytest.fixture(scope="module")
def mp(output: Path) -> dict[str, Any]:
    return read_artifact(output, MP_NAME)


def test_the_result_is_the_samples_of_all_ranks_over_the_seconds_of_the_slowest_rank(mp: dict[str, Any]) -> None:
    details = mp["details"]
    assert [rank["samples"] for rank in details["ranks"]] == [2 * STEPS, 2 * STEPS]
    assert details["samples"] == 4 * STEPS
    slowest = max(rank["measured_seconds"] for rank in details["ranks"])
    fastest = min(rank["measured_seconds"] for rank in details["ranks"])
    assert details["measured_seconds"] == slowest
    assert details["rank_spread"] == pytest.approx(1 - fastest / slowest)
    assert mp["FINAL_RESULT"] == pytest.approx(4 * STEPS / slowest, abs=1e-3)


def test_details_say_what_the_processes_share_and_exchange(mp: dict[str, Any]) -> None:
    details = mp["details"]
    weights = 4 * 3 * 9 + 4 + 4 + 4 + 4 * 9 + 1  # two convolutions, and a batch norm between them
    assert details["gradient_bytes"] == 4 * weights
    assert (details["nodes"], details["processes"], details["batch_size_per_process"]) == (1, 2, 2)
    assert details["threads_per_process"] == max(1, details["environment"]["cores"] // 2)
    assert mp["gpu_num"] == 0


def test_the_scaling_is_reported_relative_to_the_single_process_case(output: Path, mp: dict[str, Any]) -> None:
    efficiency = mp["FINAL_RESULT"] / read_artifact(output, SP_NAME)["FINAL_RESULT"]
    assert mp["details"]["scaling"]["baseline"] == SP_CASE
    assert mp["details"]["scaling"]["efficiency"] == pytest.approx(efficiency, rel=1e-3)


def test_what_the_exchange_of_gradients_adds_to_a_step_is_reported(output: Path, mp: dict[str, Any]) -> None:
    reports = [rank["probes"]["communication"] for rank in mp["details"]["ranks"]]
    step, local = (max(report[name] for report in reports) for name in ("step_seconds", "local_step_seconds"))
    assert mp["details"]["exposed_communication_fraction"] == pytest.approx(max(0, 1 - local / step))
    assert mp["details"]["overhead"]["communication"] > 0
    alone = read_artifact(output, SP_NAME)["details"]
    assert (alone["exposed_communication_fraction"], alone["ranks"][0]["probes"]["communication"]) == (None, None)
