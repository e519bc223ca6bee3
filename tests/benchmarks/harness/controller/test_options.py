"""How settings are read. That pytest shows and refuses them is tested in `tests/end_to_end`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.controller.option_table import OPTIONS
from benchmarks.harness.controller.options import effective, read_settings
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from benchmarks.harness.protocol.settings import Nodes, Settings
from fake_pytest import FakeConfig


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may themselves run in a job of Slurm or torchrun."""
    for name in ("SLURM_NODEID", "PET_NNODES", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def settings(given: dict[str, Any] | None = None, ini: dict[str, Any] | None = None, **config: Any) -> Settings:
    return read_settings(FakeConfig(given, ini, **config).as_pytest())


def test_the_defaults_are_those_of_the_settings() -> None:
    assert settings() == Settings(output=ROOT / "logs")


def test_the_command_line_has_priority_over_the_ini_file() -> None:
    found = settings({"ocr_steps": "3"}, {"ocr_steps": "5", "ocr_seed": "7"})
    assert (found.steps, found.seed) == (3, 7)


def test_the_source_of_a_value_is_the_flag_or_the_ini_file_and_its_key() -> None:
    (seed,) = (option for option in OPTIONS if option.name == "seed")
    config = FakeConfig({"ocr_seed": "3"}).as_pytest()
    assert effective(config, seed).source == "--ocr-seed"
    assert effective(FakeConfig().as_pytest(), seed).source == "pytest.ini: ocr_seed"


@pytest.mark.parametrize(
    ("given", "ini", "message"),
    [
        ({"ocr_steps": "0"}, {}, "--ocr-steps: '0' is not a whole number from 1 to 10000000, or auto"),
        ({}, {"ocr_steps": "0"}, "pytest.ini: ocr_steps: '0' is not a whole number from 1 to 10000000, or auto"),
        ({"ocr_nnodes": "2"}, {}, "--ocr-nnodes: which of the 2 nodes is this"),
        ({"ocr_seed": "9" * 5000}, {}, r"--ocr-seed: '9{200}'\.\.\. \(5000 characters\) is not a whole number"),
        ({"ocr_output": "~nobody-has-this-name/x"}, {}, "--ocr-output: '~nobody.*': there is no such home directory"),
        ({"ocr_output": "x" * 300}, {}, r"--ocr-output: .* cannot be used: File name too long"),
    ],
)
def test_a_wrong_value_is_refused_with_its_source(given: dict[str, Any], ini: dict[str, Any], message: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"^{message}"):
        settings(given, ini)


def test_paths_of_the_command_line_are_relative_to_the_current_folder_and_those_of_the_ini_file_to_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    found = settings({"ocr_output": "here", "ocr_data": "data"}, folder=tmp_path)
    assert (found.output, found.data) == (tmp_path / "here", tmp_path / "data")
    assert settings({}, {"ocr_output": "there"}).output == ROOT / "there"
    assert settings({"ocr_data": "synthetic"}, folder=tmp_path).data is None
    assert settings({"ocr_words": "data"}, folder=tmp_path).words == tmp_path / "data"
    assert settings({"ocr_history": "all.jsonl"}, folder=tmp_path).history == tmp_path / "all.jsonl"
    assert settings({"ocr_history": "none"}, {"ocr_history": "all.jsonl"}, folder=tmp_path).history is None


def test_runs_of_a_comparison_ignore_what_the_ini_file_says_for_other_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ini = {"ocr_history": "all.jsonl", "ocr_compare": "rev:main"}
    assert settings({}, ini).history == ROOT / "all.jsonl"
    monkeypatch.setenv(TOKEN_VARIABLE, "1")
    assert (settings({}, ini).history, settings({}, ini).compare) == (None, None)


def test_the_options_of_a_job_become_its_nodes() -> None:
    job = {"ocr_nnodes": "2", "ocr_node_rank": "1", "ocr_rdzv_endpoint": "head:29400"}
    assert settings(job).nodes == Nodes(2, 1, "head:29400")


def test_names_of_options_are_unique_and_every_option_has_a_help() -> None:
    assert len({option.flag for option in OPTIONS}) == len({option.ini for option in OPTIONS}) == len(OPTIONS)
    assert all(option.help for option in OPTIONS)
    assert {option.flag for option in OPTIONS} >= {"--ocr-loader-workers", "--ocr-image-cache", "--ocr-output"}
