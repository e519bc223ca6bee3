"""The header shows what differs from the defaults, and everything under -v."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.controller import header as headers
from benchmarks.harness.controller.header import header
from benchmarks.harness.controller.option_table import OPTIONS
from benchmarks.harness.controller.options import read_settings
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from fake_pytest import FakeConfig


def lines(given: dict[str, Any] | None = None, ini: dict[str, Any] | None = None, **option: Any) -> list[str]:
    config = FakeConfig(given, ini, **option).as_pytest()
    return header(config, read_settings(config))


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may themselves run in a job of Slurm or torchrun."""
    for name in ("SLURM_NODEID", "PET_NNODES", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_are_not_shown() -> None:
    assert lines() == ["ocr: default settings"]


def test_only_what_differs_is_shown() -> None:
    assert lines({"ocr_steps": "3"}, {"ocr_seed": "7"}) == ["ocr: steps 3, seed 7"]


def test_a_value_that_equals_the_default_is_not_shown() -> None:
    assert lines({"ocr_timeout": "900"}) == ["ocr: default settings"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"ocr_timeout": "90"}, "timeout 90 s"),
        ({"ocr_profile_loader": "yes"}, "profile-loader yes"),
        ({"ocr_image_cache": "decoded"}, "image-cache decoded"),
        ({"ocr_compile_mode": "reduce-overhead"}, "compile-mode reduce-overhead"),
        ({"ocr_loader_workers": "0"}, "loader-workers 0"),
        ({"ocr_case": ["psenet_sp_bs2_fp32_cpu1", "psenet_sp_bs8_fp32_1"]},
         "case psenet_sp_bs2_fp32_cpu1 psenet_sp_bs8_fp32_1"),
    ],
)  # fmt: skip
def test_a_value_is_shown_with_its_unit(given: dict[str, Any], shown: str) -> None:
    assert lines(given) == [f"ocr: {shown}"]


def test_paths_are_relative_to_the_current_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / "elsewhere"
    assert lines({"ocr_output": "results"}, folder=tmp_path) == ["ocr: output results"]
    assert lines({"ocr_output": str(elsewhere)}, folder=tmp_path) == [f"ocr: output {elsewhere}"]


def test_a_job_found_in_the_environment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PET_NNODES": "2", "PET_NODE_RANK": "1", "PET_RDZV_ENDPOINT": "head:29400"}.items():
        monkeypatch.setenv(name, value)
    assert lines() == ["ocr: nnodes 2, node-rank 1, rdzv-endpoint head:29400"]


def test_everything_is_shown_under_v() -> None:
    (line,) = lines({"ocr_steps": "3"}, verbose=1)
    shown = line.removeprefix("ocr: ").split(", ")
    assert [each.split(" ")[0] for each in shown] == [*(option.name for option in OPTIONS), "case"]
    assert {"steps 3", "warmup auto", "data synthetic", "output logs", "nnodes 1", "case as listed"} <= set(shown)
    assert {"rdzv-endpoint none", "timeout 900 s", "resume no"} <= set(shown)


def test_installed_models_that_cannot_be_loaded_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"other": "other:MODEL cannot be loaded: KeyError: 'x'", "a": "a:MODEL is dict, not ocr_models.Model"}
    monkeypatch.setattr(headers, "BROKEN_MODELS", broken)
    assert lines() == [
        "ocr: default settings",
        "ocr: model a is left out: a:MODEL is dict, not ocr_models.Model",
        "ocr: model other is left out: other:MODEL cannot be loaded: KeyError: 'x'",
    ]


def test_a_side_is_shown_without_a_secret() -> None:
    assert lines({"ocr_compare": "environ:API_TOKEN=one two"}) == ["ocr: compare environ:API_TOKEN=<secret>"]


def test_a_comparison_within_a_comparison_is_said_to_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "token")
    assert lines({"ocr_compare": "rev:main"})[1].startswith("ocr: --ocr-compare has no effect: this pytest runs within")
