from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, Literal

import pytest

from benchmarks.cases import CaseError, parse_case
from benchmarks.harness.controller import planning
from benchmarks.harness.controller.planning import plan_run
from benchmarks.harness.protocol.parameters import ConvergenceParameters
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.settings import Nodes, Settings
from benchmarks.harness.results.measurements import MEASUREMENTS
from ocr_models import MODELS


def plan(case: str, measurement: str = "speed", ordinal: int = 0, **settings: Any) -> Plan:
    return plan_run(parse_case(case), MEASUREMENTS[measurement], Settings(**settings), ordinal).plan


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "available_cores", lambda: 16)


@pytest.mark.usefixtures("sixteen_cores")
@pytest.mark.parametrize(
    ("case", "threads", "workers", "image_size"),
    [
        ("psenet_sp_bs2_fp32_cpu1", 16, 1, 320),
        ("psenet_mp_bs4_fp32_cpu2", 8, 1, 320),
        ("psenet_sp_bs8_fp32_1", 4, 15, 736),
        ("psenet_mp_bs64_fp32_8", 2, 1, 736),
    ],
)
def test_cores_are_divided_among_the_processes(case: str, threads: int, workers: int, image_size: int) -> None:
    found = plan(case)
    assert (found.threads, found.loader_workers, found.image_size) == (threads, workers, image_size)


def test_settings_have_priority_over_defaults() -> None:
    found = plan(
        "psenet_sp_bs8_fp32_1",
        steps=3,
        warmup_steps=0,
        image_size=640,
        loader_workers=0,
        seed=9,
        data=Path("/data"),
        timeout_seconds=5,
    )
    assert (found.steps, found.warmup_steps, found.image_size, found.loader_workers) == (3, 0, 640, 0)
    assert (found.seed, found.data, found.data_source, found.timeout_seconds) == (9, "/data", "files", 5)


@pytest.mark.parametrize(
    ("kind", "folder"),
    [("pages", "/pages"), ("words", "/words")],
)
def test_a_case_gets_the_data_of_its_models_kind(
    monkeypatch: pytest.MonkeyPatch, kind: Literal["pages", "words"], folder: str
) -> None:
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], data=kind))
    both = plan("psenet_sp_bs8_fp32_1", data=Path("/pages"), words=Path("/words"))
    assert (both.data, both.data_source) == (folder, "files")
    other: dict[str, Any] = {"words": Path("/words")} if kind == "pages" else {"data": Path("/pages")}
    without = plan("psenet_sp_bs8_fp32_1", **other)
    assert (without.data, without.data_source) == (None, "synthetic")


@pytest.mark.parametrize(
    ("case", "steps", "warmup_steps"), [("psenet_sp_bs2_fp32_cpu1", 10, 2), ("psenet_sp_bs8_fp32_1", 100, 20)]
)
def test_defaults_depend_on_the_device(case: str, steps: int, warmup_steps: int) -> None:
    found = plan(case)
    assert (found.steps, found.warmup_steps, found.total_steps) == (steps, warmup_steps, steps + warmup_steps)
    assert (found.data, found.data_source) == (None, "synthetic")


def test_a_step_that_compiles_is_never_measured() -> None:
    assert plan("psenet_sp_bs8_bf16_compile_1", warmup_steps=0).warmup_steps == 1
    assert plan("psenet_sp_bs8_bf16_1", warmup_steps=0).warmup_steps == 0


@pytest.mark.parametrize(
    ("case", "asked", "steps", "reason"),
    [
        ("psenet_mp_bs16_bf16_2", 10, 11, "DistributedDataParallel waits for the GPU in its first ten steps"),
        ("psenet_mp_bs16_bf16_compile_2", 0, 11, "DistributedDataParallel waits"),
        ("psenet_sp_bs8_bf16_compile_1", 0, 1, "the first step compiles"),
        ("psenet_mp_bs16_bf16_2", 11, 11, None),
        ("psenet_mp_bs16_bf16_2", None, 20, None),
        ("psenet_sp_bs8_bf16_1", 3, 3, None),
        ("psenet_mp_bs4_fp32_cpu2", 0, 0, None),
    ],
)
def test_a_case_gets_the_warm_up_steps_that_it_needs_and_says_so(
    case: str, asked: int | None, steps: int, reason: str | None
) -> None:
    found = plan(case, warmup_steps=asked)
    assert (found.warmup_steps, found.warmup_steps_requested) == (steps, asked)
    line = planning.raised_warmup(found)
    if reason is None:
        assert line is None
    else:
        assert line is not None
        assert line.startswith(f"{case}: {steps} warm-up steps, not {asked} (--ocr-warmup): {reason}")


def test_the_number_of_loader_processes_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "available_cores", lambda: 192)
    assert plan("psenet_sp_bs8_fp32_1").loader_workers == planning.MAX_LOADER_WORKERS


def test_a_model_of_fixed_input_size_has_no_image_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], image_sizes=None))
    assert plan("psenet_sp_bs8_fp32_1", image_size=640).image_size is None


def test_a_convergence_plan_has_the_goal_of_the_model(tmp_path: Path) -> None:
    found = plan("psenetr18_sp_bs4_fp32_cpu1", "convergence", output=tmp_path, warmup_steps=5)
    assert (found.measurement, found.steps, found.warmup_steps, found.image_size) == ("convergence", 160, 0, 320)
    own = found.parameters_as(ConvergenceParameters)
    assert (own.target, own.metric, own.evaluations, own.resume) == (0.7, "hmean", 10, False)
    assert own.folder == str(tmp_path / "convergence" / "ocr_PSENetR18_sp_bs4_fp32_cpu1")


def test_settings_have_priority_over_the_goal_of_the_model(tmp_path: Path) -> None:
    settings = {"steps": 7, "image_size": 64, "resume": True}
    found = plan("psenetr18_sp_bs4_fp32_cpu1", "convergence", output=tmp_path, **settings)
    assert (found.steps, found.image_size) == (7, 64)
    assert found.parameters_as(ConvergenceParameters).resume


def test_a_compiled_convergence_case_has_no_warm_up(tmp_path: Path) -> None:
    found = plan("psenet_sp_bs8_bf16_compile_1", "convergence", output=tmp_path)
    assert (found.warmup_steps, found.total_steps) == (0, 2000)


def test_a_model_without_a_goal_has_no_convergence_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], convergence=None))
    with pytest.raises(CaseError, match="psenet has no convergence goal"):
        plan("psenet_sp_bs8_fp32_1", "convergence")


def test_a_node_follows_the_events_of_its_own_ranks_and_meets_at_a_port_of_the_run() -> None:
    nodes = Nodes(2, 1, "head:29400")
    run = plan_run(parse_case("psenet_mp_bs64_fp32_8"), MEASUREMENTS["speed"], Settings(nodes=nodes), ordinal=3)
    assert [events.rank for events in run.ranks] == [4, 5, 6, 7]
    assert run.plan.rendezvous_endpoint == "head:29403"


def test_each_run_has_its_own_token_and_ends_with_this_process() -> None:
    first, second = plan("psenet_sp_bs8_fp32_1"), plan("psenet_sp_bs8_fp32_1")
    assert first.run_token != second.run_token
    assert first.parent_pid == os.getpid()


@pytest.mark.parametrize("strict", [True, False])
def test_a_run_knows_whether_the_machine_must_be_quiet(strict: bool) -> None:
    settings = Settings(strict_machine=strict)
    assert plan_run(parse_case("psenet_sp_bs2_fp32_cpu1"), MEASUREMENTS["speed"], settings).strict_machine is strict


@pytest.mark.parametrize(
    ("case", "mode", "expected"),
    [
        ("psenet_sp_bs8_bf16_compile_1", "default", ("default", 1)),
        ("psenet_sp_bs8_bf16_compile_1", "reduce-overhead", ("reduce-overhead", 3)),
        ("psenet_sp_bs8_bf16_compile_1", "max-autotune", ("max-autotune", 3)),
        ("psenet_sp_bs8_bf16_compile_1", "max-autotune-no-cudagraphs", ("max-autotune-no-cudagraphs", 1)),
        ("psenet_sp_bs8_bf16_1", "default", (None, 0)),
    ],
)
def test_a_compiled_case_has_a_mode_and_the_warm_up_steps_that_it_needs(
    case: str, mode: str, expected: tuple[str | None, int]
) -> None:
    """The first steps compile, and record the CUDA graphs; they must not be measured."""
    found = plan(case, compile_mode=mode, warmup_steps=0)
    assert (found.compile_mode, found.warmup_steps) == expected
    if mode == "reduce-overhead":
        line = planning.raised_warmup(found)
        assert line is not None
        assert line.endswith("the first steps compile and record CUDA graphs")
