"""From a training's curves to the convergence JSON and its verdict."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import MultiStepLR

from benchmarks import gate
from benchmarks.cases import CONVERGENCE, CaseError, ConvergenceCase, convergence_case, parse_case
from benchmarks.harness import artifact
from benchmarks.harness.convergence import (
    convergence_document,
    seconds_to_tenths,
    unfinished_convergence,
    verdict,
)
from benchmarks.harness.convergence_worker import digest, stops
from benchmarks.harness.curves import draw_curves
from benchmarks.harness.launch import Run, planned
from benchmarks.harness.output import CasePaths
from benchmarks.harness.records import Failure, RankResult, StepRecord, loss_curve
from benchmarks.harness.settings import Plan, Settings
from ocr_models import MODELS
from ocr_models.checkpoint import load_checkpoint, save_checkpoint
from ocr_models.data.icdar2015 import read_annotated_set

CASE = parse_case("psenetsmall_sp_bs4_fp32_cpu1")
REPORT: dict[str, Any] = {
    "peak_memory_bytes": 10**9,
    "gradient_bytes": 10**7,
    "flops_per_sample": 10**10,
    "precision": {"matmul": "ieee", "convolution": "ieee", "autocast": None, "gradient_scaler": False},
    "device": "a processor",
    "data": {"layout": "icdar2015", "images": 100},
    "held_out_images": 30,
    "environment": {
        **dict.fromkeys(["python", "torch", "torchvision", "numpy", "opencv", "system", "cpu", "cpu_capability"], "1"),
        **dict.fromkeys(["cuda", "cudnn", "nccl", "driver", "allocator", "git_commit", "git_dirty"]),
        "cores": 2,
    },
}


def scores(*hmeans: float) -> list[dict[str, float]]:
    return [
        {"step": 16 * i, "train_seconds": 20.0 * i, "precision": value, "recall": value, "hmean": value}
        for i, value in enumerate(hmeans, start=1)
    ]


def curve(*losses: float) -> list[dict[str, float]]:
    return [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)]


@pytest.fixture
def paths(tmp_path: Path) -> CasePaths:
    return CasePaths.of(CASE, tmp_path, kind="convergence")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A training that has ended well, and left its checkpoint."""
    made = planned(convergence_case(CASE), Settings(output=tmp_path))
    kept = Path(made.plan.keep_folder)
    kept.mkdir(parents=True)
    (kept / "checkpoint.pt").touch()
    told = {"loss_curve": curve(0.6, 0.4, 0.1), "scores": scores(0.2, 0.75), "resumed_at": []}
    made.ranks[0].results.append(RankResult(0, 40.0, (), {**REPORT, "convergence": told}))
    made.seconds = 60.0
    return made


def test_a_training_that_reaches_its_target_passes(run: Run, paths: CasePaths) -> None:
    document = convergence_document(run, paths)
    assert artifact.problems(document, "convergence") == []
    assert (document["JOB_FAIL_FLAG"], document["FINAL_RESULT"], document["UNIT"]) == (0, 0.75, "hmean")
    assert (document["convergence_key"], document["convergence_value"], document["index"]) == ("hmean", 0.75, 4)
    details = document["details"]
    assert (details["target"], details["train_seconds"], details["held_out_images"]) == (0.7, 40.0, 30)
    assert details["samples_per_second"] == 160 * 4 / 40.0
    assert [Path(each).name for each in details["kept"]] == ["checkpoint.pt"]
    assert document["seconds_to_tenths"][0] == {"hmean": 0.07, "seconds": 20.0}
    assert document["seconds_to_tenths"][-1] == {"hmean": 0.7, "seconds": 40.0}


def change(run: Run, **told: Any) -> None:
    run.results[0].report["convergence"] |= told


@pytest.mark.parametrize(
    ("told", "kind", "message"),
    [
        ({"scores": scores(0.9, 0.6999)}, "target_missed", "hmean is 0.6999 after 32 steps, and 0.7 was to be reached"),
        ({"loss_curve": curve(0.1, 0.4, 0.6)}, "loss_rises", "the loss went from 0.1000 to 0.6000"),
        ({"loss_curve": curve(0.5, 0.4, 0.5)}, "loss_rises", "from 0.5000 to 0.5000"),
    ],
)
def test_a_training_that_does_not_converge_fails_with_all_that_it_showed(
    run: Run, paths: CasePaths, told: dict[str, Any], kind: str, message: str
) -> None:
    change(run, **told)
    document = convergence_document(run, paths)
    assert artifact.problems(document, "convergence") == []
    assert (document["JOB_FAIL_FLAG"], document["FINAL_RESULT"]) == (1, 0)
    assert document["details"]["failure"]["kind"] == kind
    assert message in document["details"]["failure"]["message"]
    assert document["convergence_value"] == run.results[0].report["convergence"]["scores"][-1]["hmean"]
    assert len(document["loss_curve"]) == 3


def test_a_training_that_was_cut_off_shows_its_curve_so_far(run: Run, paths: CasePaths) -> None:
    run.failure = Failure("killed", "rank 0 was killed by SIGKILL", 0)
    run.ranks[0].records.extend(StepRecord(i, False, 1.0, 0.0, None, 4, {"loss": 1.0 / i}) for i in (1, 2))
    document = convergence_document(run, paths)
    assert artifact.problems(document, "convergence") == []
    assert document["convergence_value"] is None
    assert document["loss_curve"] == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    assert all(each["seconds"] is None for each in document["seconds_to_tenths"])


def test_the_evaluations_of_a_training_that_was_cut_off_are_kept(run: Run, paths: CasePaths) -> None:
    run.failure = Failure("timeout", "not done after 900 s")
    run.ranks[0].scores.extend(scores(0.2, 0.75))
    run.ranks[0].results.clear()
    document = convergence_document(run, paths)
    assert artifact.problems(document, "convergence") == []
    assert (document["convergence_value"], document["FINAL_RESULT"]) == (None, 0)
    assert [each["hmean"] for each in document["scores"]] == [0.2, 0.75]
    assert document["seconds_to_tenths"][-1] == {"hmean": 0.7, "seconds": 40.0}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"convergence_value": 0.1, "FINAL_RESULT": 0.1}, "convergence_value: 0.1, where the target is 0.7"),
        ({"convergence_value": 0.75, "scores": scores(0.75, 0.2)}, "convergence_value: 0.75, where the target is 0.7"),
        ({"FINAL_RESULT": 0.9}, "FINAL_RESULT: 0.9, but what it stands for is 0.750"),
    ],
)
def test_the_gate_refuses_an_artifact_that_contradicts_itself(
    run: Run, paths: CasePaths, changed: dict[str, Any], problem: str
) -> None:
    document = convergence_document(run, paths)
    artifact.write(paths.index, document, "convergence")
    assert gate.judge(paths.index).status == "ok"
    artifact.write(paths.index, {**document, **changed}, "convergence")
    verdict = gate.judge(paths.index)
    assert verdict.status == "invalid"
    assert problem in verdict.problems[0]


def test_while_it_runs_the_artifact_is_a_failed_one(run: Run, paths: CasePaths) -> None:
    document = unfinished_convergence(run, paths)
    assert artifact.problems(document, "convergence") == []
    assert document["details"]["failure"]["kind"] == "interrupted"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"convergence_value": 1.2}, "convergence_value"),
        ({"convergence_key": "loss"}, "convergence_key"),
        ({"UNIT": "samples/sec"}, "UNIT"),
        ({"index": 1}, "index"),
        ({"loss_curve": []}, "loss_curve"),
        ({"scores": []}, "scores"),
        ({"seconds_to_tenths": []}, "seconds_to_tenths"),
        ({"extra": 1}, "extra"),
        ({"convergence_value": None}, "convergence_value"),  # passed, but without a value
        ({"FINAL_RESULT": 0}, "FINAL_RESULT"),
    ],
)
def test_the_schema_refuses_and_names_what_does_not_fit(
    run: Run, paths: CasePaths, changed: dict[str, Any], named: str
) -> None:
    found = artifact.problems({**convergence_document(run, paths), **changed}, "convergence")
    assert any(named in problem for problem in found), found


def test_the_first_evaluation_that_reaches_a_tenth_says_when() -> None:
    found = seconds_to_tenths(scores(0.3, 0.1, 0.8), target=1.0)
    assert [each["hmean"] for each in found] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert [each["seconds"] for each in found] == [20.0] * 3 + [60.0] * 5 + [None] * 2


def test_one_step_is_too_short_a_curve_to_rise() -> None:
    assert verdict(curve(0.5), scores(0.9), 0.7) is None


def test_evaluations_are_spread_over_the_steps_and_the_last_is_behind_the_last() -> None:
    assert stops(160, 10) == [16, 32, 48, 64, 80, 96, 112, 128, 144, 160]
    assert stops(160, 10, done=96) == [112, 128, 144, 160]
    assert stops(3, 10) == [1, 2, 3]
    assert stops(160, 10, done=160) == []


def test_a_curve_is_the_mean_over_stretches_of_steps() -> None:
    steps = [(step, {"loss": float(step)}) for step in range(1, 251)]
    found = loss_curve(steps)
    assert len(found) == 84
    assert found[0] == {"step": 3, "loss": 2.0}
    assert found[-1] == {"step": 250, "loss": 250.0}
    assert loss_curve(steps[:2]) == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 2.0}]
    assert loss_curve([]) == []


def test_the_curves_are_drawn_beside_the_artifact(run: Run, paths: CasePaths) -> None:
    paths.index.parent.mkdir()
    draw_curves(convergence_document(run, paths), paths.picture)
    assert paths.picture.read_bytes().startswith(b"\x89PNG")
    assert paths.picture.name == "ocr_PSENetSmall_sp_bs4_fp32_cpu1_convergence.png"
    assert [path.name for path in paths.picture.parent.iterdir()] == [paths.picture.name]


def test_nothing_is_drawn_where_there_is_no_curve(run: Run, paths: CasePaths) -> None:
    draw_curves(unfinished_convergence(run, paths), paths.picture)
    assert not paths.picture.exists()


# the cases


def test_there_is_a_convergence_case_for_the_cpu_and_one_for_a_gpu() -> None:
    small, large = CONVERGENCE
    assert (str(small), small.image_size, small.target) == ("psenetsmall_sp_bs4_fp32_cpu1", 320, 0.7)
    assert (large.case.model, large.image_size, large.case.device) == ("psenet", 736, "cuda")
    assert {each.case.model for each in CONVERGENCE} <= set(MODELS)


@pytest.mark.parametrize(
    ("name", "steps", "image_size"),
    [
        ("psenetsmall_sp_bs4_fp32_cpu1", 160, 320),
        ("psenetsmall_mp_bs8_fp32_cpu2", 160, 320),
        ("psenetsmall_sp_bs8_bf16_1", 160, 320),
        ("psenet_sp_bs16_bf16_1", 2000, 736),
        ("psenet_mp_bs64_fp32_8", 2000, 736),
        ("psenet_sp_bs2_fp32_cpu1", 2000, 736),
    ],
)
def test_any_case_converges_as_its_model_is_listed_to(name: str, steps: int, image_size: int) -> None:
    goal = convergence_case(parse_case(name))
    assert (str(goal), goal.steps, goal.image_size) == (name, steps, image_size)
    assert goal.artifact_name == parse_case(name).artifact_name.replace("_speed", "_convergence")


@pytest.mark.parametrize("wrong", [{"target": 0.0}, {"target": 1.1}, {"steps": 0}, {"evaluations": 0}])
def test_a_convergence_case_is_checked_when_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(CaseError):
        ConvergenceCase(**{"case": CASE, "steps": 10, "image_size": 320, "target": 0.5, **wrong})


def test_its_plan_says_what_the_user_does_not(tmp_path: Path) -> None:
    plan = Plan.of(convergence_case(CASE), Settings(output=tmp_path, warmup_steps=5))
    assert (plan.kind, plan.steps, plan.warmup_steps, plan.image_size) == ("convergence", 160, 0, 320)
    assert (plan.target, plan.evaluations, plan.resume) == (0.7, 10, False)
    given = Plan.of(convergence_case(CASE), Settings(output=tmp_path, steps=7, image_size=64, resume=True))
    assert (given.steps, given.image_size, given.resume) == (7, 64, True)
    assert Plan.of(CASE, Settings()).kind == "speed"
    compiled = Plan.of(convergence_case(parse_case("psenet_sp_bs8_bf16_compile_1")), Settings(output=tmp_path))
    assert (compiled.warmup_steps, compiled.total_steps) == (0, 2000)


def test_a_training_is_known_by_its_images_wherever_they_lie(image_folder: Path, tmp_path: Path) -> None:
    images = read_annotated_set(image_folder).images
    moved = read_annotated_set(Path(shutil.copytree(image_folder, tmp_path / "moved"))).images
    assert digest(images) == digest(moved)
    assert digest(images) != digest(images[:2])
    other = [replace(images[0], polygons=(images[0].polygons[0] + 1,)), *images[1:]]
    assert digest(images) != digest(other)


def test_optimiser_schedule_and_scaler_of_the_official_recipe_go_on_where_they_stood(tmp_path: Path) -> None:
    """SGD with momentum, a rate that falls in steps, and a scaler that has halved; through a checkpoint's file."""

    def made() -> tuple[nn.Linear, torch.optim.Optimizer, MultiStepLR, torch.amp.GradScaler]:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-1, momentum=0.99, weight_decay=5e-4, fused=True)
        return model, optimizer, MultiStepLR(optimizer, [2, 4], gamma=0.1), torch.amp.GradScaler("cpu")

    def train(parts: Any, steps: range) -> torch.Tensor:
        model, optimizer, schedule, scaler = parts
        for step in steps:
            scaler.scale(model(torch.full((1, 3), float("inf") if step == 1 else step + 1.0)).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            schedule.step()
        return model.weight.detach()

    straight, cut, resumed = made(), made(), made()
    train(cut, range(3))
    names = ("state_dict", "optimizer", "schedule", "scaler")
    save_checkpoint(tmp_path / "c.pt", {name: part.state_dict() for name, part in zip(names, cut, strict=True)})
    found = load_checkpoint(tmp_path / "c.pt")
    for name, part in zip(names, resumed, strict=True):
        part.load_state_dict(found[name])
    assert resumed[3].get_scale() == 2.0**15
    assert torch.equal(train(resumed, range(3, 6)), train(straight, range(6)))
