"""Options and their ini keys, through pytest's own command line, and the header that shows them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from suite import ROOT, RunPytest

# Values are tested in tests/benchmarks/harness/controller/test_option_values.py. Here, each further one is exhaustive.
exhaustive = partial(pytest.param, marks=pytest.mark.exhaustive)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ocr-steps", "0"), "--ocr-steps: '0' is not a whole number from 1 to 10000000, or auto"),
        exhaustive(("--ocr-steps", "ten"), "--ocr-steps: 'ten' is not a whole number from 1 to"),
        exhaustive(("--ocr-warmup", "-1"), "--ocr-warmup: '-1' is not a whole number from 0 to"),
        (
            ("--ocr-image-size", "100"),
            "--ocr-image-size: '100' is not a multiple of 32 pixels from 64 to 8192 (psenet), or auto",
        ),
        exhaustive(("--ocr-image-size", "32"), "--ocr-image-size: '32' is not a multiple of 32 pixels"),
        exhaustive(("--ocr-image-size", "0"), "--ocr-image-size: '0' is not a whole number from 1 to 32768, or auto"),
        exhaustive(
            ("--ocr-loader-workers", "1.5"), "--ocr-loader-workers: '1.5' is not a whole number from 0 to 1024, or auto"
        ),
        exhaustive(("--ocr-timeout", "0"), "--ocr-timeout: '0' is not a number of seconds above 0"),
        exhaustive(("--ocr-timeout", "nan"), "--ocr-timeout: 'nan' is not a number of seconds above 0"),
        exhaustive(("--ocr-seed", "-3"), "--ocr-seed: '-3' is not a whole number from 0"),
        exhaustive(
            ("--ocr-seed", "99999999999999999999"), "--ocr-seed: '99999999999999999999' is not a whole number from 0"
        ),
        (("--ocr-data", ""), "--ocr-data: '' is not an existing folder"),
        (("--ocr-node-rank", "1"), "--ocr-nnodes: node rank 1, but only one node"),
        exhaustive(("--ocr-image-cache", "all"), "--ocr-image-cache: 'all' is not none or decoded"),
        (("--ocr-case", "psenet_sp_bs9999999_fp32_1"), "a global batch of 9999999 is more than 1048576"),
        (("--ocr-data", "nowhere"), "nowhere' is not an existing folder of annotated images, or synthetic"),
        exhaustive(("--ocr-words", "nowhere"), "nowhere' is not an existing folder of word images, or synthetic"),
        (("--ocr-output", "pytest.ini"), "pytest.ini' is not a folder, or a path where one can be made"),
        (("--ocr-case", "psenet_sp_bs8_fp3_1"), "--ocr-case: 'psenet_sp_bs8_fp3_1' is not a case"),
        (("-o", "ocr_steps=many"), "pytest.ini: ocr_steps: 'many' is not a whole number"),
        exhaustive(("-o", "ocr_case=psenet"), "pytest.ini: ocr_case: 'psenet' is not a case"),
        (("-p", "no:benchmark"), "pytest-benchmark, which the speed cases need, is not loaded"),
        (("--ocr-case", "tiny_mp_bs1024_fp32_cpu512"), "512 processes on one machine are more than 256"),
        exhaustive(("--ocr-timeout", "1e300"), "--ocr-timeout: '1e300' is not a number of seconds up to 1000000"),
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


def header(run_pytest: RunPytest, *arguments: object, **environment: str) -> list[str]:
    text = run_pytest("benchmarks/test_speed.py", "--collect-only", *arguments, **environment).text
    return [line for line in text.splitlines() if line.startswith("ocr: ")]


def test_the_header_shows_only_settings_that_differ_from_their_defaults(run_pytest: RunPytest) -> None:
    assert header(run_pytest) == ["ocr: default settings"]
    given = ("--ocr-image-cache", "decoded", "-o", "ocr_seed=5", "--ocr-case", "psenet_sp_bs4_bf16_1")
    assert header(run_pytest, *given) == ["ocr: seed 5, image-cache decoded, case psenet_sp_bs4_bf16_1"]


def test_under_v_the_header_shows_every_setting(run_pytest: RunPytest, image_folder: Path) -> None:
    settings = f"steps auto, warmup auto, image-size auto, data {image_folder}, words synthetic, output logs, "
    settings += "history none, loader-workers auto, "
    nodes = "nnodes 1, node-rank 0, rdzv-endpoint none, "
    rest = "timeout 900 s, seed 5, image-cache none, compile-mode default, profile-loader no, require no, "
    rest += "strict-machine no, light no, resume no, no-report no, memory-limit auto, "
    rest += "compare none, max-slowdown 3 %, max-pairs 12, budget none, "
    rest += "strict-compare no, case as listed"
    assert header(run_pytest, "-v", "--ocr-data", image_folder, "-o", "ocr_seed=5") == [f"ocr: {settings}{nodes}{rest}"]


def test_the_header_shows_the_nodes_that_slurm_or_torchrun_set(run_pytest: RunPytest) -> None:
    torchrun = {"PET_NNODES": "2", "PET_NODE_RANK": "1", "PET_RDZV_ENDPOINT": "node0:29400"}
    assert header(run_pytest, **torchrun) == ["ocr: nnodes 2, node-rank 1, rdzv-endpoint node0:29400"]


def test_the_command_line_has_priority_over_the_ini_file(run_pytest: RunPytest) -> None:
    outcome = run_pytest("benchmarks", "--collect-only", "--ocr-steps", "3", "-o", "ocr_steps=5")
    assert "ocr: steps 3\n" in outcome.text


def test_paths_are_relative_to_where_the_user_is_and_ini_paths_to_the_ini_file(
    run_pytest: RunPytest, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    given = (ROOT / "benchmarks", "--rootdir", ROOT, "-c", ROOT / "pytest.ini", "--collect-only")
    assert f"ocr: data {tmp_path / 'mine'}\n" in run_pytest(*given, "--ocr-data", "mine", cwd=tmp_path).text
    assert f"ocr: output {ROOT / 'other'}\n" in run_pytest(*given, "-o", "ocr_output=other", cwd=tmp_path).text
