"""Options and their ini twins, as a user meets them: through pytest's own command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from suite import ROOT, RunPytest

COLLECT = ("--collect-only", "-q")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ocr-steps", "0"), "--ocr-steps: '0' is not a whole number from 1 to 10000000, or auto"),
        (("--ocr-steps", "ten"), "--ocr-steps: 'ten' is not a whole number from 1 to"),
        (("--ocr-warmup", "-1"), "--ocr-warmup: '-1' is not a whole number from 0 to"),
        (
            ("--ocr-image-size", "100"),
            "--ocr-image-size: '100' is not a multiple of 32 pixels from 64 to 8192, or auto",
        ),
        (("--ocr-image-size", "32"), "--ocr-image-size: '32' is not a multiple of 32 pixels"),
        (("--ocr-workers", "1.5"), "--ocr-workers: '1.5' is not a whole number from 0 to 1024, or auto"),
        (("--ocr-timeout", "0"), "--ocr-timeout: '0' is not a number of seconds above 0"),
        (("--ocr-timeout", "nan"), "--ocr-timeout: 'nan' is not a number of seconds above 0"),
        (("--ocr-seed", "-3"), "--ocr-seed: '-3' is not a whole number from 0"),
        (("--ocr-seed", "99999999999999999999"), "--ocr-seed: '99999999999999999999' is not a whole number from 0"),
        (("--ocr-data", ""), "--ocr-data: '' is not an existing folder"),
        (("--ocr-node-rank", "1"), "--ocr-nnodes: node rank 1, and one node only"),
        (("--ocr-cache", "all"), "--ocr-cache: 'all' is not none or decoded"),
        (("--ocr-case", "psenet_sp_bs9999999_fp32_1"), "a global batch of 9999999 is more than 1048576"),
        (("--ocr-data", "nowhere"), "nowhere' is not an existing folder of annotated images, or synthetic"),
        (("--ocr-output", "pytest.ini"), "pytest.ini' is not a folder, or a path where one can be made"),
        (("--ocr-case", "psenet_sp_bs8_fp3_1"), "--ocr-case: 'psenet_sp_bs8_fp3_1' is not a case"),
        (("-o", "ocr_steps=many"), "pytest.ini: ocr_steps: 'many' is not a whole number"),
        (("-o", "ocr_case=psenet"), "pytest.ini: ocr_case: 'psenet' is not a case"),
        (("-n", "2"), "under xdist the cases would disturb each other"),
    ],
)
def test_a_wrong_value_is_a_usage_error_that_names_its_source(
    run_pytest: RunPytest, arguments: tuple[str, ...], message: str
) -> None:
    outcome = run_pytest("benchmarks", *arguments)
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert message in outcome.text
    assert "Traceback" not in outcome.text


def test_an_unknown_option_is_refused(run_pytest: RunPytest) -> None:
    assert run_pytest("benchmarks", "--ocr-step", "3", "--ocr-stepz", "3").code == pytest.ExitCode.USAGE_ERROR


def test_the_header_shows_every_setting_in_force(run_pytest: RunPytest, image_folder: Path) -> None:
    outcome = run_pytest("benchmarks", "--collect-only", "--ocr-data", image_folder, "-o", "ocr_seed=5")
    header = f"steps auto, warmup auto, image-size auto, data {image_folder}, output logs, workers auto, "
    nodes = "nnodes 1, node-rank 0, rdzv-endpoint none, "
    rest = "timeout 900 s, seed 5, cache none, profile-loader no, resume no, case as listed"
    assert f"ocr: {header}{nodes}{rest}\n" in outcome.text


def test_the_command_line_outranks_the_ini_file(run_pytest: RunPytest) -> None:
    outcome = run_pytest("benchmarks", "--collect-only", "--ocr-steps", "3", "-o", "ocr_steps=5")
    assert "ocr: steps 3," in outcome.text


def test_paths_count_from_where_the_user_is_and_ini_paths_from_the_ini_file(
    run_pytest: RunPytest, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    given = (ROOT / "benchmarks", "--rootdir", ROOT, "-c", ROOT / "pytest.ini", "--collect-only")
    assert f"data {tmp_path / 'mine'}," in run_pytest(*given, "--ocr-data", "mine", cwd=tmp_path).text
    assert f"output {ROOT / 'other'}," in run_pytest(*given, "-o", "ocr_output=other", cwd=tmp_path).text


def selected(text: str) -> list[str]:
    return [line.partition("[")[2].rstrip("]") for line in text.splitlines() if "test_speed[" in line]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-m", "cpu"), ["psenet_sp_bs2_fp32_cpu1", "psenet_mp_bs4_fp32_cpu2"]),
        (("-k", "psenet_sp and fp16"), ["psenet_sp_bs8_fp16_1", "psenet_sp_bs16_fp16_1"]),
        (("--ocr-case", "psenet_mp_bs32_tf32_16"), ["psenet_mp_bs32_tf32_16"]),
        (
            ("--ocr-case", "psenet_sp_bs4_bf16_1", "--ocr-case", "psenet_sp_bs2_fp32_cpu1", "-m", "single_gpu"),
            ["psenet_sp_bs4_bf16_1"],
        ),
    ],
)
def test_cases_are_selected_as_pytest_selects(
    run_pytest: RunPytest, arguments: tuple[str, ...], expected: list[str]
) -> None:
    outcome = run_pytest("benchmarks/test_speed.py", *COLLECT, *arguments)
    assert selected(outcome.text) == expected


def test_a_bare_k_from_the_project_root_selects_the_multi_gpu_cases(run_pytest: RunPytest) -> None:
    found = selected(run_pytest(*COLLECT, "-k", "psenet_mp").text)
    assert "psenet_mp_bs64_fp32_8" in found
    assert all("_mp_" in name for name in found)


@pytest.mark.parametrize(
    ("case", "needed"), [("psenet_sp_bs8_fp32_1", "1 CUDA GPU"), ("psenet_mp_bs64_fp32_8", "8 CUDA GPUs")]
)
def test_a_gpu_case_without_its_gpus_is_skipped_and_says_so(
    run_pytest: RunPytest, tmp_path: Path, case: str, needed: str
) -> None:
    outcome = run_pytest(
        "benchmarks", "--ocr-case", case, "--ocr-output", tmp_path / "logs", "-rs", CUDA_VISIBLE_DEVICES=""
    )
    assert outcome.code == 0
    assert f"needs {needed}, found 0" in outcome.text
    assert not (tmp_path / "logs" / "index").exists()


def test_a_mistyped_marker_is_an_error(tmp_path: Path, run_pytest: RunPytest) -> None:
    for name in ("pytest.ini", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "test_marked.py").write_text("import pytest\n@pytest.mark.single_gpus\ndef test(): pass\n")
    outcome = run_pytest("test_marked.py", cwd=tmp_path)
    assert outcome.code != 0
    assert "'single_gpus' not found in `markers`" in outcome.text


def collected(run_pytest: RunPytest, *arguments: object) -> list[str]:
    lines = run_pytest(*COLLECT, *arguments).text.splitlines()
    return [line.removeprefix("benchmarks/") for line in lines if "::" in line]


CONVERGENCE_TESTS = [
    "test_convergence.py::test_convergence[psenetsmall_sp_bs4_fp32_cpu1]",
    "test_convergence.py::test_convergence[psenet_sp_bs16_bf16_1]",
]


@pytest.mark.parametrize(
    "arguments", [("-m", "convergence"), ("-k", "convergence"), ("benchmarks/test_convergence.py",)], ids=str
)
def test_convergence_cases_run_where_they_are_asked_for(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    assert collected(run_pytest, *arguments) == CONVERGENCE_TESTS


@pytest.mark.parametrize("arguments", [(), ("-m", "cpu"), ("-m", "single_gpu"), ("-k", "psenet_sp")], ids=str)
def test_and_nowhere_else(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    found = collected(run_pytest, *arguments)
    assert found
    assert not [name for name in found if "convergence" in name]


def test_any_case_can_be_asked_to_converge(run_pytest: RunPytest) -> None:
    given = ("-m", "convergence", "--ocr-case", "psenet_mp_bs64_fp32_8")
    assert collected(run_pytest, *given) == ["test_convergence.py::test_convergence[psenet_mp_bs64_fp32_8]"]


@pytest.mark.parametrize("arguments", [("--ocr-case", "psenet_sp_bs4_bf16_1"), ("-o", "ocr_case=psenet_sp_bs4_bf16_1")])
def test_a_case_asked_for_by_name_comes_alone(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    assert collected(run_pytest, *arguments) == ["test_speed.py::test_speed[psenet_sp_bs4_bf16_1]"]
