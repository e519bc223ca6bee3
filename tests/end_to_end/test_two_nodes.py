"""Two nodes for real: two network namespaces joined by a cable, one pytest in each. Needs root and iproute2."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artifacts import read_artifact
from suite import ROOT, suite_command, suite_environment

CASE, NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2"
ADDRESSES = ("10.231.7.1", "10.231.7.2")

pytestmark = pytest.mark.slow


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Two hosts that see each other and nothing else."""
    names = (f"ocr{os.getpid()}a", f"ocr{os.getpid()}b")
    if shutil.which("ip") is None:
        pytest.skip("needs iproute2's ip command")
    made = []
    try:
        for name in names:
            run("ip", "netns", "add", name)
            made.append(name)
        run("ip", "link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, ADDRESSES, strict=True):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                run("ip", "-n", name, "link", "set", device, "up")
    except subprocess.CalledProcessError as error:
        for name in made:
            run("ip", "netns", "delete", name)
        pytest.skip(f"cannot make network namespaces here: {error.stderr.decode().strip()}")
    yield names
    for name in names:
        run("ip", "netns", "delete", name)


@pytest.fixture
def start(namespaces: tuple[str, str], image_folder: Path, tmp_path: Path) -> Iterator[Any]:
    """`start(rank, *arguments, fault="")`: the pytest of one node."""
    started = []

    def start_node(rank: int, *arguments: object, fault: str = "") -> subprocess.Popen[str]:
        command = suite_command(
            *("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path),
            *("--ocr-image-size", 64, "--ocr-steps", 6, "--ocr-warmup", 1, "--ocr-loader-workers", 0),
            *("--ocr-nnodes", 2, "--ocr-node-rank", rank, "--ocr-rdzv-endpoint", f"{ADDRESSES[0]}:29411"),
            *arguments,
        )
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespaces[rank], *command],
            env=suite_environment(TINY_FAULT=fault),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start_node
    for process in started:
        with process:  # closes its output and waits
            process.kill()


def test_two_nodes_form_one_job_with_one_artifact(start: Any, tmp_path: Path) -> None:
    nodes = [start(rank) for rank in (1, 0)]
    texts = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], "\n".join(texts)
    assert [path.name for path in (tmp_path / "index").iterdir()] == [f"{NAME}_speed"]
    document = read_artifact(tmp_path, NAME)
    details = document["details"]
    assert (details["nodes"], details["processes"], details["batch_size_per_process"]) == (2, 2, 2)
    assert [rank["samples"] for rank in details["ranks"]] == [12, 12]
    slowest = max(rank["measured_seconds"] for rank in details["ranks"])
    assert document["FINAL_RESULT"] == round(24 / slowest, 3)
    for log in (tmp_path / "train_log").iterdir():
        assert not any(address in log.read_text() for address in ADDRESSES)


def test_a_node_that_never_comes_is_a_rendezvous_failure(start: Any, tmp_path: Path) -> None:
    text = start(0, "--ocr-timeout", 20).communicate(timeout=90)[0]
    failure = read_artifact(tmp_path, NAME)["details"]["failure"]
    assert failure["kind"] == "rendezvous", failure
    assert "the nodes did not meet" in failure["message"]
    assert failure["message"] in text


@pytest.mark.exhaustive
def test_a_node_that_dies_in_the_measured_steps_fails_the_job_on_the_other_within_30_s(
    start: Any, tmp_path: Path
) -> None:
    alive, dying = start(0), start(1, fault="kill@9/1")
    dying.communicate(timeout=120)
    died = time.monotonic()
    text = alive.communicate(timeout=60)[0]
    assert time.monotonic() - died < 30
    assert (alive.returncode, dying.returncode) == (1, 1)
    document = read_artifact(tmp_path, NAME)
    assert document["JOB_FAIL_FLAG"] == 1
    failure = document["details"]["failure"]
    assert failure["kind"] == "killed"
    assert "a rank on another node is gone" in failure["message"]
    assert failure["message"] in text


@pytest.mark.exhaustive
def test_a_node_that_is_lost_as_a_whole_fails_the_job_on_the_other_within_30_s(
    start: Any, namespaces: tuple[str, str], tmp_path: Path
) -> None:
    """Every process of the node is gone at once, and none of them reports anything."""
    alive, dying = start(0, "--ocr-steps", 100_000), start(1, "--ocr-steps", 100_000)
    log = tmp_path / "train_log" / NAME
    deadline = time.monotonic() + 120
    while not (log.exists() and "step: 5/" in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = subprocess.run(["ip", "netns", "pids", namespaces[1]], capture_output=True, text=True, check=True)
    for pid in map(int, found.stdout.split()):
        os.kill(pid, signal.SIGKILL)
    died = time.monotonic()
    alive.communicate(timeout=60)
    assert time.monotonic() - died < 30
    assert (alive.returncode, dying.wait()) == (1, -signal.SIGKILL)
    failure = read_artifact(tmp_path, NAME)["details"]["failure"]
    assert failure["kind"] == "killed", failure
