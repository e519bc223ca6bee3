from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cases import parse_case
from benchmarks.harness import settings
from benchmarks.harness.settings import Plan, Settings


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "available_cores", lambda: 16)


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
def test_cores_are_shared_out_among_the_processes(case: str, threads: int, workers: int, image_size: int) -> None:
    plan = Plan.of(parse_case(case), Settings())
    assert (plan.threads, plan.workers, plan.image_size) == (threads, workers, image_size)


def test_what_the_user_sets_is_what_is_planned() -> None:
    given = Settings(steps=3, warmup_steps=0, image_size=640, workers=0, seed=9, data=Path("/data"), timeout_seconds=5)
    plan = Plan.of(parse_case("psenet_sp_bs8_fp32_1"), given)
    assert (plan.steps, plan.warmup_steps, plan.image_size, plan.workers) == (3, 0, 640, 0)
    assert (plan.seed, plan.data, plan.data_kind, plan.timeout_seconds) == (9, "/data", "files", 5)


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    plan = Plan.of(parse_case("psenet_sp_bs8_fp32_1"), Settings())
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan


def test_this_process_may_use_a_core_at_least() -> None:
    assert settings.available_cores() >= 1


def test_a_step_that_compiles_never_falls_into_the_window() -> None:
    assert Plan.of(parse_case("psenet_sp_bs8_bf16_compile_1"), Settings(warmup_steps=0)).warmup_steps == 1
    assert Plan.of(parse_case("psenet_sp_bs8_bf16_1"), Settings(warmup_steps=0)).warmup_steps == 0


def test_many_cores_do_not_make_ever_more_loaders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "available_cores", lambda: 192)
    assert Plan.of(parse_case("psenet_sp_bs8_fp32_1"), Settings()).workers == settings.MOST_WORKERS
