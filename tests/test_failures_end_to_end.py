"""Every failure, provoked for real in a worker: what it leaves, how it is told, and that it harms nothing after it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.harness import artifact
from suite import ROOT, Outcome, RunPytest, suite_command, suite_environment

CASE, NAME = "tiny_sp_bs2_fp32_cpu1", "ocr_Tiny_sp_bs2_fp32_cpu1"
MP_CASE, MP_NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2"
SHORT = ("--ocr-image-size", 64, "--ocr-steps", 6, "--ocr-warmup", 1)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Failed:
    """What a failed case leaves."""

    outcome: Outcome
    output: Path
    name: str

    @property
    def document(self) -> dict[str, Any]:
        return artifact.read(self.output / "index" / f"{self.name}_speed")

    @property
    def failure(self) -> dict[str, Any]:
        failure: dict[str, Any] = self.document["details"]["failure"]
        return failure

    @property
    def log(self) -> str:
        return (self.output / "train_log" / self.name).read_text()

    def is_told(self, kind: str, message: str, rank: int | None) -> None:
        """The JSON is valid and flagged, the test fails with its cause in one line, and nothing is left running."""
        assert artifact.problems(self.document) == []
        assert (self.document["JOB_FAIL_FLAG"], self.document["FINAL_RESULT"]) == (1, 0)
        assert (self.failure["kind"], self.failure["rank"]) == (kind, rank), self.failure
        assert re.search(message, self.failure["message"]), self.failure
        assert f"{self.failure['message']}" in self.outcome.text
        assert processes_left(self.output) == []
        assert not (self.output / ".lock").exists()
        assert shared_memory_left() == []


def processes_left(output: Path) -> list[str]:
    """Agents, workers and their loaders, started for this output folder, that still run."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        ours = (process.info["environ"] or {}).get("TINY_OUTPUT") == str(output)
        if ours and "benchmarks.harness." in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(command)
    return found


def shared_memory_left() -> list[str]:
    """Segments of torch's loader processes whose maker, named in them, is gone."""
    segments = (path.name for path in Path("/dev/shm").glob("torch_*"))
    return [name for name in segments if not psutil.pid_exists(int(name.split("_")[1]))]


@dataclass(frozen=True)
class Scenario:
    """A run that is to fail.

    Attributes:
        fault: what the tests' small model is to do wrong.
        arguments: of pytest, beside those of every scenario.
    """

    fault: str
    arguments: tuple[object, ...] = ()
    case: str = CASE
    name: str = NAME


def provoke(run_pytest: RunPytest, image_folder: Path, output: Path, scenario: Scenario) -> Failed:
    """Run a scenario. An older result of its case lies there, which must never pass for its own."""
    with contextlib.suppress(OSError):  # where the disk is to be full
        (output / "index").mkdir(exist_ok=True)
        (output / "index" / f"{scenario.name}_speed").write_text('{"JOB_FAIL_FLAG": 0}')
    given = ("--ocr-case", scenario.case, "--ocr-data", image_folder, "--ocr-output", output, *SHORT)
    environment = {"TINY_FAULT": scenario.fault, "TINY_OUTPUT": str(output)}
    return Failed(run_pytest("benchmarks", *given, *scenario.arguments, **environment), output, scenario.name)


@pytest.fixture(scope="module")
def failed(
    request: pytest.FixtureRequest,
    run_pytest: RunPytest,
    image_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[Scenario, Future[Failed]]]:
    """The runs of all scenarios that the collected tests ask for, three at a time: most of their time is imports and
    waiting."""
    items = [item for item in request.session.items if item.module is request.module]
    callspecs = [item.callspec.params for item in items if hasattr(item, "callspec")]
    scenarios = {params["scenario"]: None for params in callspecs if "scenario" in params}
    with ThreadPoolExecutor(3) as runs:
        yield {
            scenario: runs.submit(provoke, run_pytest, image_folder, tmp_path_factory.mktemp("failed"), scenario)
            for scenario in scenarios
        }


@pytest.fixture
def fail(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> Any:
    """A run that is to fail, by itself."""

    def run(fault: str, *arguments: object, output: Path = tmp_path) -> Failed:
        return provoke(run_pytest, image_folder, output, Scenario(fault, arguments))

    return run


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """pytest as a user starts it, to be disturbed while it runs."""
    return subprocess.Popen(
        suite_command(*arguments),
        env=suite_environment(**environment),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_step(step: int, log: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not (log.exists() and f"step: {step}/" in log.read_text()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"the case did not come to step {step}"
        time.sleep(0.1)


SEVERAL = {"case": MP_CASE, "name": MP_NAME}


@pytest.mark.parametrize(
    ("scenario", "kind", "message", "rank"),
    [
        (Scenario("exception@setup"), "exception", "RuntimeError: a planted", 0),
        (Scenario("exception@6"), "exception", "RuntimeError: a planted", 0),
        (Scenario("exception@5/1", **SEVERAL), "exception", "a planted", 1),
        (Scenario("address_space@6"), "out_of_memory", "you tried to allocate 4294967296 bytes", 0),
        (Scenario("device_memory@6"), "out_of_memory", "CUDA out of memory. Tried to allocate", 0),
        (Scenario("kill@6"), "killed", "rank 0 was killed by SIGKILL", 0),
        (Scenario("segv@6"), "killed", "rank 0 was killed by SIGSEGV", 0),
        (Scenario("kill@5/1", **SEVERAL), "killed", "rank 1 was killed by SIGKILL", 1),
        (Scenario("nan@6"), "non_finite_loss", "loss is nan at step 4", 0),
        (Scenario("inf@6"), "non_finite_loss", "loss is inf at step 4", 0),
        (Scenario("constant@"), "constant_loss", "the loss is 1 at every step", 0),
        (Scenario("wrong@"), "wrong_result", r"the loss of a step on fixed .* is .* instead of 0\.3303", 0),
        (Scenario("mismatch@/1", **SEVERAL), "rank_mismatch", "parameters of rank 1 are not those of rank 0", 1),
        (Scenario("bad_image@13"), "data", r"truncated JPEG", 0),
        (Scenario("kill_loader@13"), "data", r"DataLoader worker \(pid", 0),
    ],
    ids=lambda value: value.fault if isinstance(value, Scenario) else "",
)
def test_a_failure_is_told_and_leaves_nothing_behind(
    failed: dict[Scenario, Future[Failed]], scenario: Scenario, kind: str, message: str, rank: int
) -> None:
    found = failed[scenario].result()
    assert found.outcome.code == 1
    found.is_told(kind, message, rank)


@pytest.mark.parametrize("scenario", [Scenario("address@6")], ids=[""])
def test_the_train_log_reaches_up_to_the_failure_and_holds_no_address(
    failed: dict[Scenario, Future[Failed]], scenario: Scenario
) -> None:
    found = failed[scenario].result()
    assert re.findall(r"^step: (\d+)/7", found.log, re.MULTILINE) == ["1", "2", "3"]
    assert "Traceback" in found.log
    assert found.document["details"]["steps_done"] == 3
    assert found.failure["kind"] == "exception"
    for text in (found.log, found.failure["message"], found.outcome.text):
        assert "connection to" in text
        assert "10.11.12.13" not in text


@pytest.mark.parametrize("scenario", [Scenario("slow@", ("--ocr-timeout", 14))], ids=[""])
def test_the_time_limit_ends_a_case(failed: dict[Scenario, Future[Failed]], scenario: Scenario) -> None:
    found = failed[scenario].result()
    found.is_told("timeout", r"not done after 14 s \(--ocr-timeout\), in ", None)
    assert found.document["details"]["total_seconds"] < 30


@pytest.mark.parametrize("scenario", [Scenario("hang@6", ("--ocr-timeout", 60))], ids=[""])
def test_a_hang_is_named_before_the_time_limit_with_the_stack_where_it_hangs(
    failed: dict[Scenario, Future[Failed]], scenario: Scenario
) -> None:
    found = failed[scenario].result()
    found.is_told("hang", r"rank 0 has made no progress for \d+ s, in forward of step 4", rank=0)
    assert "tiny_model.py" in found.log


@pytest.mark.parametrize("scenario", [Scenario("hang@5/1", ("--ocr-timeout", 60), **SEVERAL)], ids=[""])
def test_a_hang_of_one_rank_is_named_before_the_time_limit(
    failed: dict[Scenario, Future[Failed]], scenario: Scenario
) -> None:
    found = failed[scenario].result()
    found.is_told("hang", r"rank 1 has made no progress for \d+ s, in forward of step 2", rank=1)
    main_threads = re.findall(r"^Current thread 0x\w+.* \(most recent call first\)", found.log, re.MULTILINE)
    assert len(main_threads) == 2  # of both ranks: one waits in a collective, the other hangs in the model
    assert "tiny_model.py" in found.log


def test_a_failed_case_harms_neither_the_next_nor_its_result(fail: Any) -> None:
    """The fault strikes where a batch of two starts, and never where one of four does."""
    found = fail("kill@2", "--ocr-case", "tiny_sp_bs4_fp32_cpu1")
    found.is_told("killed", "SIGKILL", rank=0)
    healthy = artifact.read(found.output / "index" / "ocr_Tiny_sp_bs4_fp32_cpu1_speed")
    assert healthy["JOB_FAIL_FLAG"] == 0
    assert "1 failed, 1 passed" in found.outcome.text


@pytest.fixture
def photographs(image_folder: Path, tmp_path: Path) -> Path:
    """Images of this test's own, to be harmed."""
    return Path(shutil.copytree(image_folder, tmp_path / "photographs"))


def truncate_an_image(photographs: Path) -> None:
    image = photographs / "ch4_training_images" / "img_2.jpg"
    image.write_bytes(image.read_bytes()[:5000])


def move_the_folder(photographs: Path) -> None:
    photographs.rename(photographs.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [(truncate_an_image, r"img_2\.jpg.*truncated"), (move_the_folder, r"img_\d\.jpg.*No such file")],
)
def test_real_images_that_are_lost_in_mid_run_are_named(
    photographs: Path, tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    """With PSENet and its own dataset, whose loader processes read the files again and again."""
    output, name = tmp_path / "logs", "ocr_PSENet_sp_bs2_fp32_cpu1"
    given = ("--ocr-data", photographs, "--ocr-output", output, "--ocr-image-size", 64, "--ocr-steps", 2000)
    process = start("benchmarks", "--ocr-case", "psenet_sp_bs2_fp32_cpu1", *given, TINY_OUTPUT=str(output))
    try:
        wait_for_step(3, output / "train_log" / name, process)
        harm(photographs)
        text = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    assert process.returncode == 1
    Failed(Outcome(process.returncode, text), output, name).is_told("data", message, rank=0)


def test_ports_that_are_taken_are_left_alone(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> None:
    """Those that torch would choose by itself, and one the environment names."""
    given = ("--ocr-case", MP_CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT)
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


def test_a_disk_that_fills_up_in_mid_run_is_told_in_the_artifact(small_disk: Path, fail: Any) -> None:
    (small_disk / "ballast").write_bytes(bytes(64 * 1024))
    failed = fail("noise@6", output=small_disk)
    failed.is_told("output", "the train log cannot be written: No space left on device", None)


def test_a_disk_that_is_full_from_the_start_fails_the_test(small_disk: Path, fail: Any) -> None:
    with contextlib.suppress(OSError), open(small_disk / "ballast", "wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(1024))
    failed = fail("", output=small_disk)
    assert failed.outcome.code == 1
    assert re.search("output: .*No space left on device", failed.outcome.text)


@pytest.fixture
def hanging(image_folder: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A pytest whose case hangs in its window."""
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT)
    process = start(*given, TINY_FAULT="hang@6", TINY_OUTPUT=str(tmp_path))
    wait_for_step(3, tmp_path / "train_log" / NAME, process)
    yield process
    process.kill()


@pytest.mark.parametrize(("number", "named"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_an_interrupt_ends_the_case_in_order(
    hanging: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, named: str
) -> None:
    hanging.send_signal(number)
    text = hanging.communicate(timeout=30)[0]
    assert hanging.returncode == pytest.ExitCode.INTERRUPTED
    Failed(Outcome(hanging.returncode, text), tmp_path, NAME).is_told("interrupted", f"ended by {named}", None)


def test_when_pytest_is_killed_its_workers_end_by_themselves(hanging: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(hanging.pid, signal.SIGKILL)
    hanging.wait()
    deadline = time.monotonic() + 10
    while processes_left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_left(tmp_path) == []
    left = artifact.read(tmp_path / "index" / f"{NAME}_speed")
    assert artifact.problems(left) == []
    assert (left["JOB_FAIL_FLAG"], left["details"]["failure"]["kind"]) == (1, "interrupted")


def test_a_second_run_on_the_same_folder_is_refused_by_name(
    hanging: subprocess.Popen[str], run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT)
    second = run_pytest(*given)
    assert second.code == pytest.ExitCode.USAGE_ERROR
    assert f"--ocr-output: another run is writing to {tmp_path}" in second.text
    assert hanging.poll() is None


def test_an_output_folder_that_cannot_be_written_is_named(run_pytest: RunPytest, image_folder: Path) -> None:
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, *SHORT)
    outcome = run_pytest(*given, "--ocr-output", "/proc/nowhere")
    assert outcome.code != 0
    assert "--ocr-output: /proc/nowhere cannot be written" in outcome.text
