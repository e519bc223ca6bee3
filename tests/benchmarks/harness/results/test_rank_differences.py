"""What ranks on different machines may report differently, and what makes a result wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.protocol.reports import DataDescription, PrecisionSettings
from benchmarks.harness.results import speed
from benchmarks.harness.results.checks.ranks import disagreement
from benchmarks.harness.results.rank_differences import mismatch_of, rank_differences
from samples import environment, finished_run, rank_result, shared_report


def two_ranks(first: dict[str, Any], second: dict[str, Any]) -> list[RankResult]:
    results = []
    for rank, changed in enumerate((first, second)):
        result = rank_result(rank)
        results.append(structs.replace(result, report=structs.replace(result.report, shared=shared_report(**changed))))
    return results


def test_ranks_that_are_alike_differ_in_nothing() -> None:
    assert rank_differences(two_ranks({}, {})) == {}


@pytest.mark.parametrize(
    ("first", "second", "differences"),
    [
        ({"cores": 2}, {"cores": 4}, {"environment.cores": ["2", "4"]}),
        ({"driver": None}, {"driver": "580.1"}, {"environment.driver": ["null", "580.1"]}),
        (
            {"nccl_settings": ["NCCL_ALGO=Ring"], "numa_nodes_used": 1},
            {"nccl_settings": None, "numa_nodes_used": 2},
            {
                "environment.nccl_settings": ["['NCCL_ALGO=Ring']", "null"],
                "environment.numa_nodes_used": ["1", "2"],
            },
        ),
        ({"opencv": "4.1"}, {"opencv": "4.2"}, {"environment.opencv": ["4.1", "4.2"]}),
        ({"git_commit": None}, {"git_commit": "a" * 40}, {"environment.git_commit": ["null", "a" * 40]}),
    ],
)
def test_some_things_may_differ_and_are_recorded(
    first: dict[str, Any], second: dict[str, Any], differences: dict[str, list[str]]
) -> None:
    results = two_ranks({"environment": environment(**first)}, {"environment": environment(**second)})
    assert rank_differences(results) == differences
    assert mismatch_of(differences) is None
    assert disagreement(results) is None


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"device": "GPU A"}, {"device": "GPU B"}, "device of rank 1 is GPU B, of rank 0 GPU A: all ranks must"),
        (
            {"environment": environment(torch="2.9.0")},
            {"environment": environment(torch="2.14.1")},
            "environment.torch of rank 1 is 2.14.1, of rank 0 2.9.0",
        ),
        (
            {"environment": environment(git_commit="a" * 40)},
            {"environment": environment(git_commit="b" * 40)},
            "environment.git_commit of rank 1",
        ),
        ({"data": DataDescription("icdar2015", 99, [], {})}, {}, "data.images of rank 1 is 100, of rank 0 99"),
        (
            {"data": DataDescription("icdar2015", 100, [], {"empty": 2})},
            {"data": DataDescription("icdar2015", 100, [], {"too long": 2})},
            "data.excluded.empty of rank 1 is null, of rank 0 2",
        ),
        ({"gradient_bytes": 1}, {}, "gradient_bytes of rank 1"),
        (
            {},
            {"precision": PrecisionSettings("tf32", "ieee", None, gradient_scaler=False)},
            "precision.matmul of rank 1 is tf32, of rank 0 ieee",
        ),
    ],
)
def test_other_differences_fail_the_case_and_the_gate_finds_them_too(
    first: dict[str, Any], second: dict[str, Any], message: str
) -> None:
    run = finished_run("psenet_mp_bs4_fp32_cpu2")
    for rank, changed in enumerate((first, second)):
        report = structs.replace(run.results[rank].report, shared=shared_report(**changed))
        run.results[rank] = structs.replace(run.results[rank], report=report)
    failure = disagreement(run.results)
    assert failure is not None
    assert failure.kind == "rank_mismatch"
    assert message in failure.message
    lines = speed.contradictions(speed.build(run, Path("log"), Path("index")))
    assert any(line.startswith(f"details.rank_differences: {message}") for line in lines)


def test_names_of_machines_are_redacted() -> None:
    results = two_ranks({"device": "CPU of 10.1.2.3"}, {"device": "another"})
    assert rank_differences(results) == {"device": ["CPU of <ip>", "another"]}
