"""Whole cases, through a real pytest, agent and workers, with the tests' small model: what a user gets."""

from __future__ import annotations

import getpass
import json
import platform
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import artifact
from benchmarks.harness.records import RankResult, StepRecord, throughput
from suite import Outcome, RunPytest

CASE = "tiny_sp_bs2_fp32_cpu1"
NAME = "ocr_Tiny_sp_bs2_fp32_cpu1"
LINE = re.compile(
    r"step: (\d+)/7 loss: \d+\.\d{6} lr: 0\.010000 avg_reader_cost: \d+\.\d{6} s, avg_batch_cost: \d+\.\d{6} s, "
    r"avg_samples: 2\.0, ips: \d+\.\d{6} samples/sec"
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Session:
    outcome: Outcome
    output: Path
    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        return artifact.read(self.output / "index" / f"{NAME}_speed")

    @property
    def records(self) -> list[dict[str, Any]]:
        lines = (self.output / "train_log" / f"{NAME}.steps.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def log(self) -> str:
        return (self.output / "train_log" / NAME).read_text()


@pytest.fixture(scope="module")
def session(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("session")
    arguments = [
        *("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", folder / "logs"),
        *("--ocr-image-size", 64, "--ocr-steps", 5, "--ocr-warmup", 2, "--ocr-workers", 2, "--ocr-seed", 7),
        *("--ocr-profile-loader", "--ocr-cache", "decoded"),
        *("--benchmark-json", folder / "benchmark.json", "--junitxml", folder / "junit.xml"),
    ]
    outcome = run_pytest(*arguments, XDG_CACHE_HOME=str(folder / "cache"))
    return Session(outcome, folder / "logs", folder)


def test_the_case_passes_and_says_its_result_in_a_line(session: Session) -> None:
    assert session.outcome.code == 0, session.outcome.text
    result = session.document["FINAL_RESULT"]
    assert re.search(rf"^{CASE}: {result:.3f} samples/s, .* waiting for data", session.outcome.text, re.MULTILINE)


def test_the_artifact_fits_its_schema(session: Session) -> None:
    assert artifact.problems(session.document) == []
    assert session.document["JOB_FAIL_FLAG"] == 0
    assert session.document["gpu_num"] == 0


def test_the_result_is_samples_over_seconds(session: Session) -> None:
    details = session.document["details"]
    measured = [record for record in session.records if not record["warmup"]]
    records = tuple(StepRecord(**{k: v for k, v in record.items() if k != "rank"}) for record in measured)
    assert details["samples"] == 10
    assert session.document["FINAL_RESULT"] == round(10 / details["window_seconds"], 3)
    assert throughput([RankResult(0, details["window_seconds"], records)]) == 10 / details["window_seconds"]
    assert sum(record.wall_seconds for record in records) == pytest.approx(details["window_seconds"], rel=1e-6)


def test_details_say_how_the_number_came_about(session: Session) -> None:
    details = session.document["details"]
    assert (details["seed"], details["warmup_steps"], details["measured_steps"]) == (7, 2, 5)
    assert details["data"] == {"layout": "icdar2015", "images": 3}
    assert details["loader_workers_per_process"] == 2
    assert details["data_cache"] == "decoded"
    assert len(list((session.folder / "cache" / "ocr_models" / "decoded").glob("*.npy"))) == 3
    assert details["precision"] == {
        "matmul": "ieee",
        "convolution": "ieee",
        "autocast": None,
        "gradient_scaler": False,
    }
    assert details["loss_first"] != details["loss_last"]
    # conv 3->4 on 62x62 (forward, and backward for its weight), conv 4->1 on 60x60 (forward, and backward twice)
    assert details["flops_per_sample"] == 2 * (2 * 62 * 62 * 4 * 3 * 9) + 3 * (2 * 60 * 60 * 1 * 4 * 9)


def test_details_say_what_loader_and_step_reach_alone_and_where_the_loaders_time_goes(session: Session) -> None:
    details = session.document["details"]
    assert details["loader_ceiling"] > 0
    assert details["compute_ceiling"] > 0
    assert set(details["loader_profile"]) == {"draw", "collate"}
    assert all(0 < seconds < 0.1 for seconds in details["loader_profile"].values())


def test_the_train_log_has_a_line_per_step(session: Session) -> None:
    steps = [match[1] for line in session.log.splitlines() if (match := LINE.fullmatch(line))]
    assert steps == ["1", "2", "3", "4", "5", "6", "7"]


def test_a_step_record_per_step_is_left(session: Session) -> None:
    assert [(record["index"], record["warmup"]) for record in session.records] == [
        (index, index <= 2) for index in range(1, 8)
    ]


def test_pytest_benchmark_shows_exactly_the_measured_steps(session: Session) -> None:
    (shown,) = json.loads((session.folder / "benchmark.json").read_text())["benchmarks"]
    measured = [record["wall_seconds"] for record in session.records if not record["warmup"]]
    assert shown["stats"]["data"] == measured
    assert shown["stats"]["rounds"] == 5
    assert shown["extra_info"]["case"] == CASE
    assert shown["extra_info"]["samples_per_second"] == session.document["FINAL_RESULT"]


def test_junit_carries_the_result(session: Session) -> None:
    properties = ElementTree.parse(session.folder / "junit.xml").findall(".//property")
    assert {p.get("name"): p.get("value") for p in properties} == {
        "samples_per_second": str(session.document["FINAL_RESULT"])
    }


def test_a_table_closes_the_session(session: Session) -> None:
    table = session.outcome.text.partition("OCR training speed")[2]
    rates = (
        session.document["FINAL_RESULT"],
        *map(session.document["details"].get, ("loader_ceiling", "compute_ceiling")),
    )
    assert re.search(rf"{CASE} +{' +'.join(f'{rate:.3f}' for rate in rates)} .* ok .*{NAME}_speed", table)


def test_the_header_shows_the_settings_in_force(session: Session) -> None:
    assert "ocr: steps 5, warmup 2, image-size 64," in session.outcome.text


def test_nothing_private_is_left(session: Session) -> None:
    benchmark_json = json.loads((session.folder / "benchmark.json").read_text())
    left = session.log + json.dumps(session.document) + json.dumps(benchmark_json)
    assert "node" not in benchmark_json["machine_info"]
    for private in (platform.node(), getpass.getuser(), str(Path.home())):
        assert not re.search(rf"(?<!\w){re.escape(private)}(?!\w)", left), private


def test_only_the_contracts_files_are_left(session: Session) -> None:
    left = {str(path.relative_to(session.output)) for path in session.output.rglob("*") if path.is_file()}
    assert left == {f"index/{NAME}_speed", f"train_log/{NAME}", f"train_log/{NAME}.steps.jsonl"}


def test_what_a_slow_loader_laid_ready_during_set_up_does_not_feed_the_window(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    """Five samples a second, and a window of fewer batches than its loader may hold ready."""
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, "--ocr-image-size", 64)
    short = ("--ocr-steps", 2, "--ocr-warmup", 1, "--ocr-workers", 1)
    outcome = run_pytest("benchmarks", *given, *short, TINY_FAULT="slow_data@")
    assert outcome.code == 0, outcome.text
    document = artifact.read(tmp_path / "index" / f"{NAME}_speed")
    assert document["FINAL_RESULT"] < 6
    assert document["details"]["loader_ceiling"] < 6
    assert document["details"]["data_wait_share"] > 0.8
