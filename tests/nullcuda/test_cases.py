"""Whole GPU cases, as a user starts them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from artifacts import read_artifact
from failing_runs import OUTPUT_VARIABLE, FailedCase
from suite import Outcome, RunPytest
from tests.nullcuda.errors import CudaError

SHORT = ("--ocr-steps", 6, "--ocr-warmup", 2)
RunCase = Callable[..., Outcome]


@pytest.fixture
def run_case(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path, device_variables: Callable[..., dict[str, str]]
) -> RunCase:
    """`run_case(case, *options, **environment)` on the device, with its files in `tmp_path`."""

    def run(case: str, *options: object, **environment: str) -> Outcome:
        given = ("--ocr-case", case, "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT, *options)
        variables = {OUTPUT_VARIABLE: str(tmp_path), **environment}
        return run_pytest("benchmarks", *given, **device_variables(**variables))

    return run


def test_a_case_whose_first_step_overflows_is_good(run_case: RunCase, tmp_path: Path) -> None:
    """fp16 on one GPU, from pytest's options to the artifact, which is checked against its schema as it is written."""
    outcome = run_case("tinyfixed_sp_bs2_fp16_1", NULLCUDA_ERROR="overflows 1 1 1")
    assert outcome.code == 0, outcome.text
    document = read_artifact(tmp_path, "ocr_TinyFixed_sp_bs2_fp16_1")
    details = document["details"]
    assert (document["JOB_FAIL_FLAG"], document["gpu_num"]) == (0, 1)
    assert document["FINAL_RESULT"] > 0
    assert details["host_synchronisations"] == 0
    assert details["environment"]["cuda"]
    assert [each["parameters"]["untrained"] for each in details["training"]] == [[]]
    assert not details["training"][0]["parameters"]["every_step_skipped"]
    assert all(rank["device_seconds"] > 0 for rank in details["ranks"])


def test_a_light_run_on_a_gpu_has_no_probes(run_case: RunCase, tmp_path: Path) -> None:
    outcome = run_case("tinyfixed_sp_bs2_fp32_1", "--ocr-light")
    assert outcome.code == 0, outcome.text
    details = read_artifact(tmp_path, "ocr_TinyFixed_sp_bs2_fp32_1")["details"]
    assert (details["source"], details["host_synchronisations"]) == ("light_run", 0)
    assert details["ranks"][0]["cpu_seconds"] > 0
    assert not {"matmul", "limits", "traced_steps"} & details["overhead"].keys()


def test_a_profile_without_kernels_fails_with_what_to_do(run_case: RunCase, tmp_path: Path) -> None:
    """This device has no CUPTI. A GPU that seems idle because nothing was reported must not be a result."""
    outcome = run_case("tinyfixed_sp_bs2_fp32_1", "-m", "profile")
    assert outcome.code == 1, outcome.text
    document = read_artifact(tmp_path, "ocr_TinyFixed_sp_bs2_fp32_1", "profile")
    failure = document["details"]["failure"]
    assert (failure["kind"], document["FINAL_RESULT"]) == ("profiler", 0)
    assert "reported no kernel of the steps: make sure that no other profiler is attached" in failure["message"]
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["ocr_TinyFixed_sp_bs2_fp32_1_profile"]


def test_two_processes_train_on_two_gpus(run_case: RunCase, tmp_path: Path) -> None:
    """torchrun's agent, NCCL between the GPUs, gloo between the hosts."""
    outcome = run_case("tinyfixed_mp_bs4_fp32_2", NULLCUDA_DEVICES="2")
    assert outcome.code == 0, outcome.text
    document = read_artifact(tmp_path, "ocr_TinyFixed_mp_bs4_fp32_2")
    assert (document["JOB_FAIL_FLAG"], document["gpu_num"]) == (0, 2)
    ranks = document["details"]["ranks"]
    assert len(ranks) == 2
    assert document["details"]["host_synchronisations"] == 0


def test_a_reference_check_on_a_device_that_computes_nothing_fails(run_case: RunCase, tmp_path: Path) -> None:
    """All details are there; only the result is withheld."""
    outcome = run_case("psenetr18_sp_bs2_bf16_1", "--ocr-image-size", 64)
    assert outcome.code == 1, outcome.text
    details = read_artifact(tmp_path, "ocr_PSENetR18_sp_bs2_bf16_1")["details"]
    assert details["failure"]["kind"] == "wrong_result", details["failure"]
    assert details["source"] == "run"
    assert details["host_synchronisations"] == 0


@pytest.mark.parametrize(
    ("case", "name", "planted", "gpus", "rank", "message"),
    [
        (
            "tinyfixed_mp_bs4_fp32_2",
            "ocr_TinyFixed_mp_bs4_fp32_2",
            f"launches 300 {CudaError.ILLEGAL_ADDRESS:d}/1",
            2,
            1,
            "CUDA error: an illegal memory access was encountered; CUDA_LAUNCH_BLOCKING=1",
        ),
        (
            "tinyfixed_sp_bs2_fp32_1",
            "ocr_TinyFixed_sp_bs2_fp32_1",
            f"copies 40 {CudaError.ECC_UNCORRECTABLE:d}",
            1,
            0,
            "CUDA error: uncorrectable ECC error encountered; look for Xid",
        ),
    ],
    ids=["illegal access in rank 1 of 2", "ECC error on one GPU"],
)
def test_a_gpu_that_fails_ends_its_case_with_the_cause(
    run_case: RunCase,
    tmp_path: Path,
    case: str,
    name: str,
    planted: str,
    gpus: int,
    rank: int,
    message: str,
) -> None:
    outcome = run_case(case, NULLCUDA_DEVICES=str(gpus), NULLCUDA_ERROR=planted)
    FailedCase(outcome, tmp_path, name).is_reported("device", message, rank)


def test_a_gpu_that_torch_cannot_use_is_named(run_case: RunCase, tmp_path: Path) -> None:
    """NVML finds the GPU, and CUDA does not."""
    outcome = run_case("tinyfixed_sp_bs2_fp32_1", NULLCUDA_ERROR="device_counts 1 35")
    FailedCase(outcome, tmp_path, "ocr_TinyFixed_sp_bs2_fp32_1").is_reported("device", "driver", 0)
