"""One speed case through a real pytest, agent and ranks, with the tests' small model: what a user gets."""

from __future__ import annotations

import getpass
import json
import platform
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from artifacts import TEN_FIELDS, read_artifact
from benchmarks.harness.results.common import suite_version
from suite import Outcome, RunPytest

CASE = "tiny_sp_bs2_fp32_cpu1"
NAME = "ocr_Tiny_sp_bs2_fp32_cpu1"
LINE = re.compile(
    r"step: (\d+)/7 loss: \d+\.\d{6} lr: 0\.010000 avg_reader_cost: \d+\.\d{6} s, avg_batch_cost: \d+\.\d{6} s, "
    r"avg_samples: 2\.0, ips: \d+\.\d{6} samples/sec"
)

# What the environment of a job says about it, and what a training prints of it.
PLANTED = {
    "USER": "zaphod",
    "SLURM_JOB_NODELIST": "heart[07-09]",
    "SLURM_SUBMIT_HOST": "magrathea.lab.example",
    "MY_API_KEY": "s3cr3t42",
    "TINY_FAULT": "print@setup",
    "TINY_PRINTS": "\x1b[31mzaphod\x1b[0m of heart08, from magrathea: ford@betelgeuse.example, MY_API_KEY=s3cr3t42, "
    "slarti.lab.example",
}
PRIVATE = re.compile(rb"zaphod|heart0|magrathea|ford|betelgeuse|s3cr3t42|slarti|lab\.example", re.IGNORECASE)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Session:
    outcome: Outcome
    output: Path
    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        return read_artifact(self.output, NAME)

    @property
    def records(self) -> list[dict[str, Any]]:
        lines = (self.output / "train_log" / f"{NAME}.steps.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def log(self) -> str:
        return (self.output / "train_log" / NAME).read_text()


@pytest.fixture(scope="module")
def session(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("session") / "zaphod"
    arguments = [
        *("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", folder / "logs"),
        *("--ocr-image-size", 64, "--ocr-steps", 5, "--ocr-warmup", 2, "--ocr-loader-workers", 2, "--ocr-seed", 7),
        *("--ocr-profile-loader", "--ocr-image-cache", "decoded"),
        *("--benchmark-json", folder / "benchmark.json", "--junitxml", folder / "junit.xml"),
        *("--benchmark-autosave", "--benchmark-storage", f"file://{folder / 'stored'}"),
    ]
    outcome = run_pytest(*arguments, XDG_CACHE_HOME=str(folder / "cache"), **PLANTED)
    return Session(outcome, folder / "logs", folder)


def test_the_case_passes_and_reports_its_result_in_a_line(session: Session) -> None:
    assert session.outcome.code == 0, session.outcome.text
    result = session.document["FINAL_RESULT"]
    assert re.search(rf"^{CASE}: {result:.3f} samples/s, .* waiting for data", session.outcome.text, re.MULTILINE)


def test_the_artifact_has_the_ten_fields_first_and_in_order(session: Session) -> None:
    document = session.document
    assert list(document) == [*TEN_FIELDS, "details"]
    assert document["FINAL_RESULT"] > 0
    assert document | {"FINAL_RESULT": 0, "details": {}, "log_file": ""} == {
        "log_file": "",
        "model_name": "ocr_Tiny_bs2_fp32",
        "mission_name": "OCR",
        "direction_id": 0,
        "run_mode": "sp",
        "index": 1,
        "gpu_num": 0,
        "FINAL_RESULT": 0,
        "JOB_FAIL_FLAG": 0,
        "UNIT": "samples/sec",
        "details": {},
    }
    assert document["log_file"].endswith(f"logs/train_log/{NAME}")


def test_details_identify_the_run_and_say_when_it_was(session: Session) -> None:
    details = session.document["details"]
    assert (details["source"], details["schema_version"], details["suite_version"]) == ("run", 1, suite_version())
    assert re.fullmatch("[0-9a-f]{32}", details["run_id"])
    started, finished = (datetime.fromisoformat(details[name]) for name in ("started_at", "finished_at"))
    assert started.utcoffset() == finished.utcoffset() == timedelta(0)
    assert (finished - started).total_seconds() == pytest.approx(details["total_seconds"], abs=0.5)


def test_the_result_is_samples_over_seconds(session: Session) -> None:
    details = session.document["details"]
    measured = [record for record in session.records if not record["warmup"]]
    assert details["samples"] == sum(record["samples"] for record in measured) == 10
    assert session.document["FINAL_RESULT"] == round(10 / details["measured_seconds"], 3)
    seconds = sum(record["wall_seconds"] for record in measured)
    assert seconds == pytest.approx(details["measured_seconds"], rel=1e-6)


def test_details_show_how_the_number_was_obtained(session: Session) -> None:
    details = session.document["details"]
    assert (details["seed"], details["warmup_steps"], details["measured_steps"]) == (7, 2, 5)
    assert (details["image_size"], details["data_source"]) == (64, "files")
    assert details["data"] == {"layout": "icdar2015", "images": 3, "remarks": [], "excluded": {}}
    assert details["loader_workers_per_process"] == 2
    assert details["image_cache"] == "decoded"
    assert len(list((session.folder / "cache" / "ocr_models" / "decoded").glob("*.npy"))) == 3
    assert details["precision"] == {
        "matmul": "ieee",
        "convolution": "ieee",
        "autocast": None,
        "gradient_scaler": False,
    }
    assert details["memory_format"] == "contiguous"
    assert details["loss_first"] != details["loss_last"]
    # conv 3->4 on 62x62 (forward, and backward for its weight), conv 4->1 on 60x60 (forward, and backward twice)
    assert details["flops_per_sample"] == 2 * (2 * 62 * 62 * 4 * 3 * 9) + 3 * (2 * 60 * 60 * 1 * 4 * 9)
    assert max(details["reference_check"]["deviation"].values()) < 1e-3


def test_details_compare_with_loader_and_step_alone_and_profile_the_loader(session: Session) -> None:
    details = session.document["details"]
    assert details["loader_only_samples_per_second"] > 0
    assert details["step_only_samples_per_second"] > 0
    assert set(details["loader_profile"]) == {"draw", "collate"}
    assert all(0 < seconds < 0.1 for seconds in details["loader_profile"].values())


def test_the_train_log_has_a_line_per_step(session: Session) -> None:
    steps = [match[1] for line in session.log.splitlines() if (match := LINE.fullmatch(line))]
    assert steps == ["1", "2", "3", "4", "5", "6", "7"]


def test_a_step_record_per_step_is_left(session: Session) -> None:
    assert [(record["rank"], record["index"], record["warmup"]) for record in session.records] == [
        (0, index, index <= 2) for index in range(1, 8)
    ]


def test_pytest_benchmark_shows_exactly_the_measured_steps(session: Session) -> None:
    (shown,) = json.loads((session.folder / "benchmark.json").read_text())["benchmarks"]
    measured = [record["wall_seconds"] for record in session.records if not record["warmup"]]
    assert shown["stats"]["data"] == measured
    assert shown["stats"]["rounds"] == 5
    assert shown["extra_info"]["case"] == CASE
    assert shown["extra_info"]["samples_per_second"] == session.document["FINAL_RESULT"]
    assert shown["extra_info"]["details"] == session.document["details"]


def test_junit_carries_the_result(session: Session) -> None:
    properties = ElementTree.parse(session.folder / "junit.xml").findall(".//property")
    assert {p.get("name"): p.get("value") for p in properties} == {
        "samples_per_second": str(session.document["FINAL_RESULT"])
    }


def test_a_table_ends_the_session(session: Session) -> None:
    table = session.outcome.text.partition("OCR training speed")[2]
    details = session.document["details"]
    alone = (details["loader_only_samples_per_second"], details["step_only_samples_per_second"])
    rates = " +".join(f"{rate:.3f}" for rate in (session.document["FINAL_RESULT"], *alone))
    assert re.search(rf"{CASE} +{rates} .* ok .*{NAME}_speed", table)


def test_the_header_shows_the_settings_that_were_given(session: Session) -> None:
    assert "ocr: steps 5, warmup 2, image-size 64," in session.outcome.text


def test_the_session_says_first_what_it_will_run(session: Session) -> None:
    announced = f"ocr: running 1 speed case: {CASE}\n"
    assert announced in session.outcome.text
    assert session.outcome.text.index(announced) < session.outcome.text.index("benchmarks/test_speed.py")


def test_nothing_private_is_left(session: Session) -> None:
    benchmark_json = json.loads((session.folder / "benchmark.json").read_text())
    left = session.log + json.dumps(session.document) + json.dumps(benchmark_json)
    assert "node" not in benchmark_json["machine_info"]
    assert not {"project", "branch"} & set(benchmark_json["commit_info"])
    assert f'hostname="{platform.node()}"' not in (session.folder / "junit.xml").read_text()
    assert "\x1b[31m<user>\x1b[0m of <host>, from <host>: <user>@<host>, MY_API_KEY=<secret>, <host>" in session.log
    for private in (platform.node(), getpass.getuser(), str(Path.home())):
        assert not re.search(rf"(?<!\w){re.escape(private)}(?!\w)", left), private


def test_no_file_of_the_session_has_a_name_of_the_job(session: Session) -> None:
    files = [path for path in session.folder.rglob("*") if path.is_file() and path.suffix != ".npy"]
    assert {"junit.xml", "benchmark.json", f"{NAME}_speed"} <= {path.name for path in files}
    assert len(list(session.folder.glob("stored/*/*.json"))) == 1
    assert not {str(path): found[0] for path in files if (found := PRIVATE.search(path.read_bytes()))}


def test_only_the_files_of_the_contract_are_left(session: Session) -> None:
    left = {str(path.relative_to(session.output)) for path in session.output.rglob("*") if path.is_file()}
    assert left == {
        *("history.jsonl", "report.html", f"index/{NAME}_speed"),
        *(f"train_log/{NAME}", f"train_log/{NAME}.steps.jsonl"),
    }
    assert (session.output / "index" / f"{NAME}_speed").read_text().count("\n") == 1


@pytest.mark.exhaustive
def test_batches_that_a_slow_loader_prefetched_during_set_up_do_not_feed_the_window(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    """Two samples per second, and a window of fewer batches than its loader may prefetch."""
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, "--ocr-image-size", 64)
    short = ("--ocr-steps", 2, "--ocr-warmup", 1, "--ocr-loader-workers", 1, "--ocr-no-report")
    outcome = run_pytest("benchmarks", *given, *short, TINY_FAULT="slow_data@")
    assert outcome.code == 0, outcome.text
    assert not (tmp_path / "report.html").exists()
    document = read_artifact(tmp_path, NAME)
    assert document["FINAL_RESULT"] < 6
    assert document["details"]["loader_only_samples_per_second"] < 6
    assert document["details"]["data_wait_fraction"] > 0.8
