"""Which tests a command selects: cases by name, marker and keyword; opt-in tests only if they are asked for."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from suite import ROOT, RunPytest

# tests/benchmarks/harness/controller/test_selection.py has what selects. Here, each further way to ask is exhaustive.
exhaustive = partial(pytest.param, marks=pytest.mark.exhaustive)

CPU_CASES = [
    "psenet_sp_bs2_fp32_cpu1",
    "psenet_mp_bs4_fp32_cpu2",
    "dbr18_sp_bs2_fp32_cpu1",
    "dbr18_mp_bs4_fp32_cpu2",
    "crnnvgg_sp_bs32_fp32_cpu1",
    "parseqtiny_sp_bs16_fp32_cpu1",
]
LISTED = ", ".join([*CPU_CASES[:4], "..."])
CPU_CONVERGENCE_CASES = [
    "psenetr18_sp_bs4_fp32_cpu1",
    "dbr18_sp_bs4_fp32_cpu1",
    "crnnvgg128_sp_bs64_fp32_cpu1",
    "parseqtiny_sp_bs16_fp32_cpu1",
]
CONVERGENCE_CASES = [
    *CPU_CONVERGENCE_CASES,
    "psenet_sp_bs16_bf16_1",
    "dbr50_sp_bs16_bf16_1",
    "crnn_sp_bs256_tf32_1",
    "parseq_sp_bs384_fp16_1",
]
CONVERGENCE_TESTS = [f"test_convergence.py::test_convergence[{case}]" for case in CONVERGENCE_CASES]
A_COMPONENT = "components/test_evaluation.py"


def collected(run_pytest: RunPytest, *arguments: object) -> list[str]:
    """Ids of the selected tests, without the folder benchmarks/."""
    lines = run_pytest("--collect-only", "-q", *arguments).text.splitlines()
    return [line.removeprefix("benchmarks/") for line in lines if "::" in line]


def speed_test(case: str) -> str:
    return f"test_speed.py::test_speed[{case}]"


# speed cases


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-m", "cpu"), CPU_CASES),
        (("-k", "psenet_sp and fp16"), ["psenet_sp_bs8_fp16_1", "psenet_sp_bs16_fp16_1"]),
        exhaustive(("--ocr-case", "psenet_mp_bs32_tf32_16"), ["psenet_mp_bs32_tf32_16"]),
        exhaustive(
            ("--ocr-case", "psenet_sp_bs4_bf16_1", "--ocr-case", "psenet_sp_bs2_fp32_cpu1", "-m", "single_gpu"),
            ["psenet_sp_bs4_bf16_1"],
        ),
    ],
    ids=str,
)
def test_cases_are_selected_as_pytest_selects(
    run_pytest: RunPytest, arguments: tuple[str, ...], expected: list[str]
) -> None:
    assert collected(run_pytest, "benchmarks", *arguments) == [speed_test(case) for case in expected]


def test_a_bare_k_from_the_project_root_selects_the_multi_gpu_cases(run_pytest: RunPytest) -> None:
    found = collected(run_pytest, "-k", "psenet_mp")
    assert speed_test("psenet_mp_bs64_fp32_8") in found
    assert all("_mp_" in name for name in found)


@pytest.mark.parametrize("arguments", [("--ocr-case", "psenet_sp_bs4_bf16_1"), ("-o", "ocr_case=psenet_sp_bs4_bf16_1")])
def test_a_case_asked_for_by_name_is_the_only_one(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    assert collected(run_pytest, *arguments) == [speed_test("psenet_sp_bs4_bf16_1")]


@pytest.mark.parametrize(
    ("case", "needed"), [("psenet_mp_bs64_fp32_8", "8 CUDA GPUs"), exhaustive("psenet_sp_bs8_fp32_1", "1 CUDA GPU")]
)
def test_a_gpu_case_without_its_gpus_is_skipped_and_says_so(
    run_pytest: RunPytest, tmp_path: Path, case: str, needed: str
) -> None:
    given = ("--ocr-case", case, "--ocr-output", tmp_path / "logs", "-rs")
    outcome = run_pytest("benchmarks", *given, CUDA_VISIBLE_DEVICES="")
    assert outcome.code == 0
    assert f"needs {needed}, found 0" in outcome.text
    assert "ocr: running" not in outcome.text
    assert not (tmp_path / "logs" / "index").exists()


def test_a_mistyped_marker_is_an_error(tmp_path: Path, run_pytest: RunPytest) -> None:
    for name in ("pytest.ini", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "test_marked.py").write_text("import pytest\n@pytest.mark.single_gpus\ndef test(): pass\n")
    outcome = run_pytest("test_marked.py", cwd=tmp_path)
    assert outcome.code != 0
    assert "'single_gpus' not found in `markers`" in outcome.text


# opt-in tests


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("-m", "not components"), ("-k", "not convergence"), ("benchmarks/test_speed.py", "benchmarks")),
        *map(exhaustive, (("benchmarks",), ("-m", "cpu"), ("-m", "single_gpu"), ("-m", "speed"), ("-k", "psenet_sp"))),
    ],
    ids=str,
)
def test_a_plain_command_selects_speed_cases_only(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    found = collected(run_pytest, *arguments)
    assert found
    assert all(name.startswith("test_speed.py::test_speed[") for name in found)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "convergence"),
        tuple(f"benchmarks/{name}" for name in CONVERGENCE_TESTS),
        *map(exhaustive, (("-k", "convergence"), ("benchmarks/test_convergence.py",))),
    ],
    ids=str,
)
def test_convergence_cases_run_if_they_are_asked_for(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    assert collected(run_pytest, *arguments) == CONVERGENCE_TESTS


@pytest.mark.parametrize(
    "arguments",
    [("-m", "components"), *map(exhaustive, (("benchmarks/components",), ("-k", "components")))],
    ids=str,
)
def test_component_benchmarks_run_if_they_are_asked_for(run_pytest: RunPytest, arguments: tuple[str, ...]) -> None:
    found = collected(run_pytest, *arguments)
    assert len(found) > 5
    assert all(name.startswith("components/") for name in found)


def test_a_file_or_a_node_id_asks_for_its_component_benchmarks(run_pytest: RunPytest) -> None:
    (*_, name) = by_file = collected(run_pytest, f"benchmarks/{A_COMPONENT}")
    assert by_file
    assert all(each.startswith(A_COMPONENT) for each in by_file)
    assert collected(run_pytest, f"benchmarks/{name}") == [name]


def test_opt_in_tests_can_be_asked_for_together_with_others(run_pytest: RunPytest) -> None:
    found = collected(run_pytest, "benchmarks/test_speed.py", "benchmarks/test_convergence.py", "-m", "cpu")
    assert found == [*map(speed_test, CPU_CASES), *CONVERGENCE_TESTS[: len(CPU_CONVERGENCE_CASES)]]
    found = collected(run_pytest, "benchmarks", "-m", "cpu or convergence")
    assert sorted(found) == sorted([*map(speed_test, CPU_CASES), *CONVERGENCE_TESTS])


def test_any_case_can_be_asked_to_converge(run_pytest: RunPytest) -> None:
    given = ("-m", "convergence", "--ocr-case", "psenet_mp_bs64_fp32_8")
    assert collected(run_pytest, *given) == ["test_convergence.py::test_convergence[psenet_mp_bs64_fp32_8]"]


# what a command says first


def test_a_command_says_first_what_it_will_run_and_about_how_long(run_pytest: RunPytest) -> None:
    text = run_pytest("benchmarks", "--setup-plan", CUDA_VISIBLE_DEVICES="").text
    announced = f"ocr: running 6 speed cases, about 4 min: {LISTED}\n"
    assert announced in text
    assert text.index(announced) < text.index("benchmarks/test_speed.py")


def test_with_steps_of_its_own_or_without_any_case_a_command_promises_no_duration(run_pytest: RunPytest) -> None:
    plan = ("benchmarks", "--setup-plan")
    text = run_pytest(*plan, "--ocr-steps", 3, "-m", "cpu or convergence", CUDA_VISIBLE_DEVICES="").text
    assert f"ocr: running 6 speed cases: {LISTED}\n" in text
    assert f"ocr: running 4 convergence cases: {', '.join(CPU_CONVERGENCE_CASES)}\n" in text
    assert "ocr: running" not in run_pytest(*plan, "-m", "multi_gpu", CUDA_VISIBLE_DEVICES="").text
    assert "ocr: running" not in run_pytest("benchmarks", "--collect-only").text
