"""The table of measurements, and what follows from a record of it."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from benchmarks.cases import CaseError, parse_case
from benchmarks.harness.controller.output import RunFiles
from benchmarks.harness.protocol.parameters import ConvergenceParameters, NoParameters
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.formats import ArtifactFormat
from benchmarks.harness.results.measurements import (
    MEASUREMENTS,
    Measurement,
    Parameters,
    convergence_goal,
    measurement_of_file,
)
from benchmarks.harness.results.speed_artifact import SpeedArtifact
from ocr_models import MODELS
from samples import planned_run

CASE = parse_case("psenet_sp_bs8_fp32_1")
R18 = parse_case("psenetr18_sp_bs4_fp32_cpu1")


def test_names_and_indices_are_unique_and_those_of_the_contract() -> None:
    assert {name: each.form.index for name, each in MEASUREMENTS.items()} == {
        "speed": 1,
        "memory": 2,
        "profile": 3,
        "convergence": 4,
        "largest_batch": 6,
    }
    assert all(name == each.name for name, each in MEASUREMENTS.items())


def test_files_of_a_case_are_the_contracts() -> None:
    speed, convergence = MEASUREMENTS["speed"], MEASUREMENTS["convergence"]
    assert (speed.log_name(CASE), speed.artifact_name(CASE)) == (
        "ocr_PSENet_sp_bs8_fp32_1",
        "ocr_PSENet_sp_bs8_fp32_1_speed",
    )
    assert convergence.log_name(CASE) == convergence.artifact_name(CASE) == "ocr_PSENet_sp_bs8_fp32_1_convergence"


def test_only_speed_runs_unasked_and_on_several_nodes() -> None:
    assert [each.name for each in MEASUREMENTS.values() if not each.opt_in] == ["speed"]
    assert [each.name for each in MEASUREMENTS.values() if each.several_nodes] == ["speed"]


@pytest.mark.parametrize("measurement", MEASUREMENTS.values(), ids=list(MEASUREMENTS))
def test_the_functions_that_a_record_names_exist(measurement: Measurement) -> None:
    references = [measurement.run_in_rank, *([measurement.picture] if measurement.picture else [])]
    for reference in references:
        assert re.fullmatch(r"[\w.]+:\w+", reference)
        module, _, name = reference.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("ocr_PSENet_sp_bs8_fp32_1_speed", "speed"),
        ("psenet_sp_bs8_fp32_1_convergence", "convergence"),
        ("a_speed", "speed"),
        ("speed", None),
        ("ocr_PSENet_sp_bs8_fp32_1_profile", "profile"),
        ("notes.txt", None),
        ("psenet_sp_bs8_fp32_1_memory", "memory"),
        ("a_speed.png", None),
        ("a_memory.snapshot.pickle", None),
        ("a_speeds", None),
    ],
)
def test_the_suffix_of_a_file_decides_its_measurement(file_name: str, expected: str | None) -> None:
    found = measurement_of_file(file_name)
    assert (None if found is None else found.name) == expected


def test_the_longest_suffix_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """`_fast_speed` also ends in `_speed`."""
    form = ArtifactFormat("fast_speed", index=9, unit=None, artifact=SpeedArtifact)
    fast = dataclasses.replace(MEASUREMENTS["speed"], form=form)
    monkeypatch.setitem(MEASUREMENTS, "fast_speed", fast)
    found = measurement_of_file("a_fast_speed")
    assert found is fast
    assert measurement_of_file("a_speed") is MEASUREMENTS["speed"]


def test_a_speed_case_needs_no_parameters() -> None:
    assert MEASUREMENTS["speed"].parameters(CASE, Settings()) == Parameters(own=NoParameters())


def test_a_memory_case_takes_few_steps_and_knows_the_file_of_its_snapshot(tmp_path: Path) -> None:
    memory = MEASUREMENTS["memory"]
    snapshot = tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_memory.snapshot.pickle"
    assert memory.parameters(CASE, Settings()) == Parameters(steps=5)
    assert RunFiles.of(CASE, memory, tmp_path).attachment == snapshot
    assert memory.parameters(R18, Settings()).steps == 3


def test_a_convergence_case_has_the_parameters_of_its_models_goal(tmp_path: Path) -> None:
    found = MEASUREMENTS["convergence"].parameters(R18, Settings(output=tmp_path))
    folder = tmp_path / "convergence" / "ocr_PSENetR18_sp_bs4_fp32_cpu1"
    assert found == Parameters(
        own=ConvergenceParameters(target=0.7, metric="hmean", evaluations=10, folder=str(folder), resume=False),
        steps=160,
        warmup_steps=0,
        image_size=320,
        convergence_data=True,
        folder=folder,
        keep_folder=False,
    )
    assert MEASUREMENTS["convergence"].parameters(R18, Settings(output=tmp_path, resume=True)).keep_folder


def test_a_training_by_heart_is_scored_on_its_own_samples_which_are_not_augmented(tmp_path: Path) -> None:
    found = MEASUREMENTS["convergence"].parameters(
        parse_case("parseqtiny_sp_bs16_fp32_cpu1"), Settings(output=tmp_path)
    )
    assert isinstance(found.own, ConvergenceParameters)
    assert (found.own.split, found.augment, found.convergence_data) == ("train", False, True)
    plan = planned_run("parseqtiny_sp_bs16_fp32_cpu1", "convergence").plan
    assert (plan.augment, plan.convergence_data) == (False, True)
    assert planned_run("parseqtiny_sp_bs16_fp32_cpu1", "speed").plan.augment


@pytest.mark.parametrize(
    ("name", "steps", "image_size"),
    [
        ("psenetr18_sp_bs4_fp32_cpu1", 160, 320),
        ("psenetr18_mp_bs8_fp32_cpu2", 160, 320),
        ("psenetr18_sp_bs8_bf16_1", 160, 320),
        ("psenet_sp_bs16_bf16_1", 2000, 736),
        ("psenet_mp_bs64_fp32_8", 2000, 736),
        ("psenet_sp_bs2_fp32_cpu1", 2000, 736),
    ],
)
def test_the_goal_of_any_case_is_that_of_its_model(name: str, steps: int, image_size: int) -> None:
    goal = convergence_goal(parse_case(name))
    assert (goal.steps, goal.image_size) == (steps, image_size)


def test_a_model_without_a_goal_is_refused_with_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], convergence=None))
    with pytest.raises(CaseError, match=r"psenet has no convergence goal: add convergence=ConvergenceGoal"):
        MEASUREMENTS["convergence"].parameters(CASE, Settings())
