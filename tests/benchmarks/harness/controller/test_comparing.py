"""What --ocr-compare goes with, and what the runs of its comparisons get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller import comparing
from benchmarks.harness.controller.options import read_settings
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from fake_pytest import FakeConfig, fake_item

CASE = parse_case("psenet_sp_bs2_fp32_cpu1")
COMPARE = {"ocr_compare": "rev:main"}
NODES = {"ocr_nnodes": "2", "ocr_node_rank": "0", "ocr_rdzv_endpoint": "head:29400"}


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may themselves run in a job of Slurm or torchrun."""
    for name in ("SLURM_NODEID", "PET_NNODES", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def check(given: dict[str, Any], ini: dict[str, Any] | None = None) -> None:
    config = FakeConfig(given, ini).as_pytest()
    comparing.check_options(config, read_settings(config))


@pytest.mark.parametrize(
    ("given", "ini", "message"),
    [
        ({"ocr_max_slowdown": "2%"}, {}, "--ocr-max-slowdown: has an effect only with --ocr-compare: add it"),
        ({"ocr_max_pairs": "2"}, {}, "--ocr-max-pairs: has an effect only with --ocr-compare"),
        ({"ocr_budget": "2"}, {}, "--ocr-budget: has an effect only with --ocr-compare"),
        ({"ocr_strict_compare": "yes"}, {}, "--ocr-strict-compare: has an effect only with --ocr-compare"),
        ({"ocr_compare": "none", "ocr_budget": "2"}, {}, "--ocr-budget: has an effect only with --ocr-compare"),
        (COMPARE | NODES, {}, "--ocr-compare: compares on one node, and this job has 2"),
        (
            COMPARE | {"ocr_light": "yes"},
            {},
            "--ocr-light: --ocr-compare itself makes its later pairs light: leave it out",
        ),
        (NODES, COMPARE, "pytest.ini: ocr_compare: compares on one node, and this job has 2"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    given: dict[str, Any], ini: dict[str, Any], message: str
) -> None:
    with pytest.raises(pytest.UsageError, match=f"^{message}"):
        check(given, ini)


@pytest.mark.parametrize(
    ("given", "ini"),
    [({}, {}), (NODES, {}), ({}, {"ocr_max_pairs": "2"}), ({"ocr_max_pairs": "2"}, COMPARE), (COMPARE, {})],
)
def test_options_that_go_together_are_accepted(given: dict[str, Any], ini: dict[str, Any]) -> None:
    check(given, ini)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (fake_item("benchmarks/test_convergence.py", "convergence", case=CASE), "is a convergence case; select speed"),
        (fake_item("benchmarks/components/test_loss.py", "components"), "is a component benchmark; select speed"),
        (fake_item("elsewhere/test_else.py"), "is no benchmark; select speed"),
    ],
)
def test_other_tests_than_speed_cases_are_refused(item: pytest.Item, message: str) -> None:
    config = FakeConfig(COMPARE).as_pytest()
    speed = fake_item("benchmarks/test_speed.py", "speed", case=CASE)
    settings = read_settings(config)
    comparing.check_tests(config, [speed], settings)
    with pytest.raises(pytest.UsageError, match=f"^--ocr-compare: compares speed cases, and .* {message}"):
        comparing.check_tests(config, [speed, item], settings)
    config = FakeConfig().as_pytest()
    comparing.check_tests(config, [item], read_settings(config))


def test_the_runs_get_what_was_given_and_data_steps_and_seed_of_the_ini_file(tmp_path: Path) -> None:
    given = {
        **COMPARE,
        **{"ocr_steps": "3", "ocr_image_size": "auto", "ocr_data": "data", "ocr_output": "logs", "ocr_require": "yes"},
        **{"ocr_max_pairs": "2", "ocr_strict_machine": "yes"},
    }
    (tmp_path / "data").mkdir()
    config = FakeConfig(
        given, {"ocr_seed": "7", "ocr_profile_loader": "yes", "ocr_budget": "3", "ocr_timeout": "99"}, folder=tmp_path
    )
    words = comparing.options_for_runs(config.as_pytest(), read_settings(config.as_pytest()))
    assert words == [
        *("--ocr-steps", "3", "--ocr-image-size", "auto", "--ocr-data", str(tmp_path / "data"), "--ocr-seed", "7"),
        "--ocr-strict-machine",
    ]
    assert comparing.options_for_runs(FakeConfig().as_pytest(), read_settings(FakeConfig().as_pytest())) == []


def test_a_run_of_a_comparison_does_not_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    config = FakeConfig(ini={"ocr_compare": "rev:main"}, given={"ocr_max_pairs": "2"}).as_pytest()
    assert read_settings(config).compare == "rev:main"
    monkeypatch.setenv(TOKEN_VARIABLE, "token")
    settings = read_settings(config)
    assert settings.compare is None
    comparing.check_options(config, settings)


@pytest.mark.parametrize("name", ["data", "words"])
def test_synthetic_data_of_the_command_line_replace_a_folder_of_the_ini_file(tmp_path: Path, name: str) -> None:
    ini = {f"ocr_{name}": str(tmp_path)}
    config = FakeConfig({f"ocr_{name}": "synthetic"}, ini).as_pytest()
    assert comparing.options_for_runs(config, read_settings(config)) == [f"--ocr-{name}", "synthetic"]
    config = FakeConfig({}, ini).as_pytest()
    assert comparing.options_for_runs(config, read_settings(config)) == [f"--ocr-{name}", str(tmp_path)]


def test_the_runs_get_what_pytest_addopts_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    config = FakeConfig({"ocr_timeout": "99"}, {"addopts": ["--ocr-timeout=99"]})
    config.invocation_params.args = []
    assert comparing.options_for_runs(config.as_pytest(), read_settings(config.as_pytest())) == []  # of the ini file
    monkeypatch.setenv("PYTEST_ADDOPTS", "--ocr-timeout=99")
    assert comparing.options_for_runs(config.as_pytest(), read_settings(config.as_pytest())) == ["--ocr-timeout", "99"]


def test_the_runs_get_what_the_command_line_gives_in_a_file() -> None:
    config = FakeConfig({"ocr_timeout": "99"})
    config.invocation_params.args = ["@options.txt"]
    assert comparing.options_for_runs(config.as_pytest(), read_settings(config.as_pytest())) == ["--ocr-timeout", "99"]


@pytest.mark.parametrize(
    ("given", "ini", "overridden", "words"),
    [
        ({}, {"ocr_image_size": "64"}, "ocr_image_size=64", ["--ocr-image-size", "64"]),
        ({}, {"ocr_strict_machine": "yes"}, "ocr_strict_machine=yes", ["--ocr-strict-machine"]),
        (
            {"ocr_timeout": "99"},
            {"addopts": ["--ocr-timeout=99"]},
            "addopts=--ocr-timeout=99",
            ["--ocr-timeout", "99"],
        ),
    ],
)
def test_the_runs_get_keys_of_the_ini_file_that_the_command_line_sets(
    given: dict[str, Any], ini: dict[str, Any], overridden: str, words: list[str]
) -> None:
    config = FakeConfig({**given, "override_ini": [overridden]}, ini)
    config.invocation_params.args = ["-o", overridden]
    assert comparing.options_for_runs(config.as_pytest(), read_settings(config.as_pytest())) == words


def test_a_key_of_the_ini_file_that_no_option_turns_off_is_refused() -> None:
    config = FakeConfig({"override_ini": ["ocr_strict_machine=no"]}, {"ocr_strict_machine": "no"}).as_pytest()
    with pytest.raises(pytest.UsageError, match=r"^-o ocr_strict_machine=no: the runs read the pytest\.ini of their"):
        comparing.options_for_runs(config, read_settings(config))


def test_another_ini_file_than_that_of_the_tree_is_refused(tmp_path: Path) -> None:
    config = FakeConfig(COMPARE, inipath=tmp_path / "pytest.ini").as_pytest()
    with pytest.raises(
        pytest.UsageError, match=f"^--ocr-compare: each run reads .* read {tmp_path}/pytest.ini: give -c "
    ):
        comparing.check_options(config, read_settings(config))
    config = FakeConfig(inipath=tmp_path / "pytest.ini").as_pytest()
    comparing.check_options(config, read_settings(config))
