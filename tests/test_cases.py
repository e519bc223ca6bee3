from __future__ import annotations

import pytest

from benchmarks.cases import MATRIX, Case, CaseError, parse_case


@pytest.mark.parametrize("case", MATRIX, ids=str)
def test_every_case_of_the_matrix_reads_back_from_its_name(case: Case) -> None:
    assert parse_case(str(case)) == case


def test_the_matrix_holds_no_case_twice() -> None:
    assert len(set(MATRIX)) == len(MATRIX)


def test_the_matrix_covers_the_ordered_single_gpu_cases() -> None:
    names = set(map(str, MATRIX))
    assert {f"psenet_sp_bs{b}_{p}_1" for b in (8, 16) for p in ("fp32", "fp16", "bf16")} <= names
    assert {f"psenet_mp_bs{b}_{p}_8" for b in (64, 128) for p in ("fp32", "fp16", "bf16")} <= names
    assert "psenet_sp_bs2_fp32_cpu1" in names


def test_a_name_outside_the_matrix_is_read() -> None:
    case = parse_case("psenet_mp_bs256_bf16_compile_32")
    assert case == Case("psenet", "mp", 256, "bf16", compile=True, processes=32)
    assert case not in MATRIX
    assert case.batch_size_per_process == 8


@pytest.mark.parametrize(
    ("name", "artifact", "model_name", "marker", "gpus"),
    [
        ("psenet_sp_bs8_fp32_1", "ocr_PSENet_sp_bs8_fp32_1_speed", "ocr_PSENet_bs8_fp32", "single_gpu", 1),
        ("psenet_mp_bs64_fp16_8", "ocr_PSENet_mp_bs64_fp16_8_speed", "ocr_PSENet_bs64_fp16", "multi_gpu", 8),
        ("psenet_mp_bs4_fp32_cpu2", "ocr_PSENet_mp_bs4_fp32_cpu2_speed", "ocr_PSENet_bs4_fp32", "cpu", 0),
        (
            "psenet_sp_bs8_bf16_compile_1",
            "ocr_PSENet_sp_bs8_bf16_compile_1_speed",
            "ocr_PSENet_bs8_bf16_compile",
            "single_gpu",
            1,
        ),
    ],
)
def test_a_case_names_its_artifact_its_marker_and_its_gpus(
    name: str, artifact: str, model_name: str, marker: str, gpus: int
) -> None:
    case = parse_case(name)
    assert (case.artifact_name, case.model_name, case.marker, case.gpu_count) == (artifact, model_name, marker, gpus)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("psenet_sp_bs8_fp32_2", "sp means one process"),
        ("psenet_mp_bs9_fp32_2", "cannot be divided among 2 processes"),
        ("psenet_sp_bs8_fp64_1", "unknown precision 'fp64'"),
        ("psenet_dp_bs8_fp32_1", "unknown run mode 'dp'"),
        ("pse_sp_bs8_fp32_1", "unknown model 'pse'"),
        ("psenet_sp_bs2_tf32_cpu1", "tf32 needs a CUDA GPU"),
        ("psenet_sp_bs08_fp32_1", "is not a case"),
        ("psenet_sp_bs0_fp32_1", "is not a case"),
        ("psenet_sp_bs8_fp32_0", "is not a case"),
        ("psenet_sp_bs8_fp32_1 ", "is not a case"),
        ("psenet_sp_bs8_fp32_gpu1", "is not a case"),
        ("", "is not a case"),
    ],
)
def test_a_name_that_is_no_case_is_refused_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(name)
    assert reason in str(caught.value)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistyped_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(CaseError, match=r"did you mean psenet_sp_bs8_fp32_1\?"):
        parse_case("psenet_sp_bs8_fp3_1")


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"processes": -1}, {"device": "tpu"}])
def test_a_case_is_checked_when_made(wrong: dict[str, int]) -> None:
    with pytest.raises(CaseError):
        Case(**{"model": "psenet", "mode": "mp", "batch_size": 8, "precision": "fp32", **wrong})  # type: ignore[arg-type]
