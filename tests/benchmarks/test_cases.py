from __future__ import annotations

from typing import Any

import pytest

from benchmarks.cases import CONVERGENCE, MATRIX, Case, CaseError, parse_case
from benchmarks.harness.results.measurements import MEASUREMENTS, convergence_goal
from ocr_models import BROKEN_MODELS, MODELS


@pytest.mark.parametrize("case", [*MATRIX, *CONVERGENCE], ids=str)
def test_every_listed_case_is_parsed_from_its_name(case: Case) -> None:
    assert parse_case(str(case)) == case


def test_the_matrix_has_no_case_twice() -> None:
    assert len(set(MATRIX)) == len(MATRIX)


def test_the_matrix_has_the_required_cases() -> None:
    names = set(map(str, MATRIX))
    assert {f"psenet_sp_bs{b}_{p}_1" for b in (8, 16) for p in ("fp32", "fp16", "bf16")} <= names
    assert {f"psenet_mp_bs{b}_{p}_8" for b in (64, 128) for p in ("fp32", "fp16", "bf16")} <= names
    for model in ("dbr50", "dbr18"):
        for variant in ("fp32", "fp16", "bf16", "bf16_compile"):
            assert {f"{model}_sp_bs{b}_{variant}_1" for b in (8, 16)} <= names
            assert {f"{model}_mp_bs{b}_{variant}_8" for b in (64, 128)} <= names
    for model in ("psenet", "dbr18"):
        assert {f"{model}_sp_bs2_fp32_cpu1", f"{model}_mp_bs4_fp32_cpu2"} <= names
    for variant in ("fp32", "tf32", "fp16", "bf16"):
        assert {f"crnn_sp_bs256_{variant}_1", f"crnn_mp_bs2048_{variant}_8"} <= names
    for variant in ("fp32", "bf16", "bf16_compile"):
        assert {f"parseq_sp_bs384_{variant}_1", f"parseq_mp_bs3072_{variant}_8"} <= names
    assert {"crnnvgg_sp_bs32_fp32_cpu1", "parseqtiny_sp_bs16_fp32_cpu1"} <= names


def test_any_name_of_the_grammar_is_a_case() -> None:
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
def test_a_case_determines_the_names_of_its_files_its_marker_and_its_gpus(
    name: str, artifact: str, model_name: str, marker: str, gpus: int
) -> None:
    case = parse_case(name)
    assert MEASUREMENTS["speed"].artifact_name(case) == artifact
    assert MEASUREMENTS["speed"].log_name(case) == case.log_name == artifact.removesuffix("_speed")
    assert (case.model_name, case.marker, case.gpu_count) == (model_name, marker, gpus)


@pytest.mark.parametrize("digits", [170, 400, 5000])
def test_a_very_long_name_is_refused_in_one_short_line(digits: int) -> None:
    with pytest.raises(CaseError, match=r"at most 200|is more than 1048576") as refused:
        parse_case(f"psenet_sp_bs{'9' * digits}_fp32_1")
    assert len(str(refused.value)) < 700


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
        (f"psenet_sp_bs1{'0' * 150}_fp32_1", "is more than 1048576"),
    ],
)
def test_a_name_that_is_not_a_case_is_refused_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(name)
    assert reason in str(caught.value)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_very_long_name_is_refused_without_being_read() -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(f"psenet_sp_bs1{'0' * 5000}_fp32_1")
    assert str(caught.value) == (
        "'psenet_sp_bs1000000000000000000000000000...' is not a case: it has 5020 characters, at most 200 are allowed"
    )


def test_a_mistyped_name_is_answered_with_the_nearest_listed_one() -> None:
    with pytest.raises(CaseError, match=r"did you mean psenet_sp_bs8_fp32_1\?"):
        parse_case("psenet_sp_bs8_fp3_1")


def test_a_mistyped_model_is_answered_with_the_nearest_one_also_if_the_case_is_not_listed() -> None:
    with pytest.raises(CaseError, match=r"did you mean psenetr18_sp_bs4_bf16_cpu1\?"):
        parse_case("psenettr18_sp_bs4_bf16_cpu1")


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"processes": -1}, {"batch_size": 2**21}, {"device": "tpu"}])
def test_the_values_of_a_case_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(CaseError):
        Case(**{"model": "psenet", "mode": "mp", "batch_size": 8, "precision": "fp32", **wrong})


def test_a_model_that_cannot_be_loaded_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BROKEN_MODELS, "other", "other_package:MODEL cannot be loaded: KeyError: 'x'")
    with pytest.raises(CaseError, match=r"model 'other': other_package:MODEL cannot be loaded: KeyError"):
        parse_case("other_sp_bs2_fp32_cpu1")


def test_a_broken_entry_point_does_not_replace_a_model_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BROKEN_MODELS, "psenet", "cannot be loaded")
    assert parse_case("psenet_sp_bs2_fp32_cpu1").model == "psenet"


def test_one_convergence_case_of_each_kind_of_model_runs_on_a_cpu_and_one_on_a_gpu() -> None:
    assert [(str(case), case.device) for case in CONVERGENCE] == [
        ("psenetr18_sp_bs4_fp32_cpu1", "cpu"),
        ("dbr18_sp_bs4_fp32_cpu1", "cpu"),
        ("crnnvgg128_sp_bs64_fp32_cpu1", "cpu"),
        ("parseqtiny_sp_bs16_fp32_cpu1", "cpu"),
        ("psenet_sp_bs16_bf16_1", "cuda"),
        ("dbr50_sp_bs16_bf16_1", "cuda"),
        ("crnn_sp_bs256_tf32_1", "cuda"),
        ("parseq_sp_bs384_fp16_1", "cuda"),
    ]
    goals = [convergence_goal(case) for case in CONVERGENCE]
    assert [(goal.steps, goal.image_size, goal.target, goal.metric) for goal in goals] == [
        (160, 320, 0.7, "hmean"),
        (300, 320, 0.7, "hmean"),
        (1200, None, 0.75, "word_accuracy"),
        (600, None, 0.95, "word_accuracy"),
        (2000, 736, 0.7, "hmean"),
        (2000, 640, 0.7, "hmean"),
        (3000, None, 0.8, "word_accuracy"),
        (6000, None, 0.8, "word_accuracy"),
    ]
    assert [goal.by_heart for goal in goals].count(True) == 1
    assert {case.model for case in CONVERGENCE} <= set(MODELS)
