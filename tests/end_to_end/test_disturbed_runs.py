"""Runs that are disturbed from outside: lost files, full disks, taken ports, interrupts, a second run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artifacts import read_artifact
from failing_runs import (
    CASE,
    NAME,
    OUTPUT_VARIABLE,
    SHORT,
    FailedCase,
    processes_of,
    started,
    wait_for_step,
    wait_until_gone,
)
from suite import Outcome, RunPytest

pytestmark = pytest.mark.slow


@pytest.fixture
def photographs(image_folder: Path, tmp_path: Path) -> Path:
    """Images of this test's own, to be damaged."""
    return Path(shutil.copytree(image_folder, tmp_path / "photographs"))


def truncate_an_image(photographs: Path) -> None:
    image = photographs / "ch4_training_images" / "img_2.jpg"
    image.write_bytes(image.read_bytes()[:5000])


def move_the_folder(photographs: Path) -> None:
    photographs.rename(photographs.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (truncate_an_image, r"img_2\.jpg.*truncated"),
        pytest.param(move_the_folder, r"img_\d\.jpg.*No such file", marks=pytest.mark.exhaustive),
    ],
)
def test_real_images_that_are_lost_during_a_run_are_named(
    photographs: Path, tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    """With PSENet and its own dataset, whose loader processes read the files again and again."""
    output, name = tmp_path / "logs", "ocr_PSENetR18_sp_bs2_fp32_cpu1"
    given = ("--ocr-data", photographs, "--ocr-image-size", 64, "--ocr-steps", 2000)
    with started(output, "benchmarks", "--ocr-case", "psenetr18_sp_bs2_fp32_cpu1", *given) as process:
        wait_for_step(3, output / "train_log" / name, process)
        harm(photographs)
        text = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    FailedCase(Outcome(process.returncode, text), output, name).is_reported("data", message, rank=0)


@pytest.mark.exhaustive
def test_ports_that_are_taken_are_left_alone(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> None:
    """Those that torch would choose by itself, and one that the environment names."""
    given = ("--ocr-case", "tiny_mp_bs4_fp32_cpu2", "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT)
    with contextlib.ExitStack() as taken:
        for port in (29400, 29500, 29501):
            listener = taken.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen()
        outcome = run_pytest("benchmarks", *given, MASTER_ADDR="127.0.0.1", MASTER_PORT="29501")
    assert outcome.code == 0, outcome.text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 128 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def run_on(disk: Path, run_pytest: RunPytest, image_folder: Path, fault: str) -> FailedCase:
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", disk, *SHORT)
    outcome = run_pytest("benchmarks", *given, **{"TINY_FAULT": fault, OUTPUT_VARIABLE: str(disk)})
    return FailedCase(outcome, disk, NAME)


def test_a_disk_that_fills_up_during_a_run_is_reported_in_the_artifact(
    small_disk: Path, run_pytest: RunPytest, image_folder: Path
) -> None:
    (small_disk / "ballast").write_bytes(bytes(64 * 1024))
    (small_disk / "index").mkdir()
    (small_disk / "index" / f"{NAME}_speed").write_text('{"JOB_FAIL_FLAG": 0}')
    failed = run_on(small_disk, run_pytest, image_folder, "noise@6")
    failed.is_reported("output", "the train log cannot be written: No space left on device", None)


def test_a_disk_that_is_full_from_the_start_fails_the_test(
    small_disk: Path, run_pytest: RunPytest, image_folder: Path
) -> None:
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(1024))
    failed = run_on(small_disk, run_pytest, image_folder, "")
    assert failed.outcome.code == 1
    assert re.search("output: .*No space left on device", failed.outcome.text)


@pytest.mark.exhaustive
def test_an_output_folder_that_is_deleted_during_a_run_is_no_success(image_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "logs"
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-image-size", 64, "--ocr-steps", 60)
    with started(output, "benchmarks", *given) as process:
        wait_for_step(3, output / "train_log" / NAME, process)
        shutil.rmtree(output)
        text = process.communicate(timeout=60)[0]
    failed = FailedCase(Outcome(process.returncode, text), output, NAME)
    failed.is_reported("output", f"{NAME}: the train log was deleted while the case ran", None)


@pytest.fixture
def hanging(image_folder: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A pytest whose case hangs in its window."""
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, *SHORT)
    with started(tmp_path, *given, TINY_FAULT="hang@6") as process:
        wait_for_step(3, tmp_path / "train_log" / NAME, process)
        yield process


@pytest.mark.parametrize(
    ("number", "named"),
    [(signal.SIGINT, "Ctrl-C"), pytest.param(signal.SIGTERM, "SIGTERM", marks=pytest.mark.exhaustive)],
)
def test_an_interrupt_ends_the_case_in_order(
    hanging: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, named: str
) -> None:
    hanging.send_signal(number)
    text = hanging.communicate(timeout=30)[0]
    assert hanging.returncode == pytest.ExitCode.INTERRUPTED
    failed = FailedCase(Outcome(hanging.returncode, text), tmp_path, NAME)
    failed.is_reported("interrupted", f"ended by {named}", None)


def test_if_pytest_is_killed_its_ranks_end_by_themselves(hanging: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(hanging.pid, signal.SIGKILL)
    hanging.wait()
    wait_until_gone(tmp_path, seconds=10)
    left = read_artifact(tmp_path, NAME)
    assert (left["JOB_FAIL_FLAG"], left["details"]["failure"]["kind"]) == (1, "interrupted")
    assert left["details"]["finished_at"] is None


def test_a_second_run_on_the_same_folder_is_refused_and_names_it(
    hanging: subprocess.Popen[str], run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT)
    second = run_pytest(*given)
    assert second.code == pytest.ExitCode.USAGE_ERROR
    assert f"--ocr-output: another run is writing to {tmp_path}" in second.text
    assert hanging.poll() is None
    assert processes_of(tmp_path)


def test_an_output_folder_that_cannot_be_written_is_named(run_pytest: RunPytest, image_folder: Path) -> None:
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, *SHORT)
    outcome = run_pytest(*given, "--ocr-output", "/proc/nowhere")
    assert outcome.code != 0
    assert "--ocr-output: /proc/nowhere cannot be written" in outcome.text
