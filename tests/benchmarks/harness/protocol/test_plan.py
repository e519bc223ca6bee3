"""The plan of a run: written by the pytest process, read and validated by agent and ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw, structs

from benchmarks.cases import CaseError
from benchmarks.harness.protocol.parameters import ConvergenceParameters, NoParameters
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.settings import Nodes
from samples import changed, planned_run, without


def plan(case: str = "psenet_sp_bs8_bf16_compile_1", measurement: str = "speed", **settings: Any) -> Plan:
    return planned_run(case, measurement, **settings).plan


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    plan().write(path)
    return path


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(
    ("case", "measurement", "settings"),
    [
        ("psenet_sp_bs8_bf16_compile_1", "speed", {}),
        ("psenet_mp_bs4_fp32_cpu2", "speed", {"data": Path("/data/é"), "profile_loader": True, "seed": 2**32 - 1}),
        ("psenetr18_sp_bs4_fp32_cpu1", "convergence", {"output": Path("/logs"), "resume": True}),
    ],
)
def test_a_plan_is_read_as_it_was_written(
    tmp_path: Path, case: str, measurement: str, settings: dict[str, Any]
) -> None:
    made = plan(case, measurement, **settings)
    made.write(tmp_path / "plan.json")
    read = Plan.read(tmp_path / "plan.json")
    assert structs.replace(read, parameters=Raw()) == structs.replace(made, parameters=Raw())
    assert bytes(read.parameters) == bytes(made.parameters)
    assert str(read.case) == case


def test_the_parameters_are_those_of_the_measurement(tmp_path: Path) -> None:
    made = plan("psenetr18_sp_bs4_fp32_cpu1", "convergence", output=tmp_path)
    made.write(tmp_path / "plan.json")
    own = Plan.read(tmp_path / "plan.json").parameters_as(ConvergenceParameters)
    assert own == ConvergenceParameters(
        target=0.7,
        metric="hmean",
        evaluations=10,
        folder=str(tmp_path / "convergence" / "ocr_PSENetR18_sp_bs4_fp32_cpu1"),
        resume=False,
    )
    assert plan().parameters_as(NoParameters) == NoParameters()
    with pytest.raises(msgspec.ValidationError, match="missing required field `target`"):
        plan().parameters_as(ConvergenceParameters)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": "ten"}, r"Expected `int`, got `str` - at `\$.steps`"),
        ({"steps": None}, r"\$.steps"),
        ({"timeout_seconds": "soon"}, r"\$.timeout_seconds"),
        ({"case.batch_size": 1.5}, r"\$.case.batch_size"),
        ({"profile_loader": 1}, r"\$.profile_loader"),
    ],
)
def test_a_value_of_another_type_is_refused_when_a_plan_is_read(
    written: Path, changes: dict[str, Any], named: str
) -> None:
    written.write_text(json.dumps(changed(content(written), changes)))
    with pytest.raises(msgspec.ValidationError, match=named):
        Plan.read(written)


@pytest.mark.parametrize("missing", ["case", "measurement", "run_in_rank", "seed", "run_token", "case.model"])
def test_a_missing_value_is_refused_when_a_plan_is_read(written: Path, missing: str) -> None:
    written.write_text(json.dumps(without(content(written), missing)))
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{missing.rpartition('.')[2]}`"):
        Plan.read(written)


def test_an_impossible_case_is_refused_when_a_plan_is_read(written: Path) -> None:
    written.write_text(json.dumps(changed(content(written), {"case.processes": 3})))
    with pytest.raises((CaseError, msgspec.ValidationError), match="sp means one process, not 3"):
        Plan.read(written)


@pytest.mark.parametrize(("node", "ranks"), [(0, [0, 1, 2, 3]), (1, [4, 5, 6, 7])])
def test_the_ranks_of_a_node_follow_those_of_the_node_before(node: int, ranks: list[int]) -> None:
    made = plan("psenet_mp_bs64_fp32_8", nodes=Nodes(2, node, "head:29400"))
    assert made.local_processes == 4
    assert list(made.local_ranks) == ranks


def test_warm_up_steps_are_part_of_all_steps() -> None:
    assert plan(steps=7, warmup_steps=2).total_steps == 9
