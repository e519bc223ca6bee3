from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from benchmarks.harness.controller import launch
from benchmarks.harness.controller.train_log import TrainLog
from benchmarks.harness.controller.watchdog import Watchdog
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.report.progress import NoDisplay
from samples import SPEED_CASE, planned_run


@pytest.fixture
def plan() -> Plan:
    return planned_run().plan


def test_ranks_keep_their_memory_unless_the_user_sets_an_allocator(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert "mmap_threshold" in launch._environment(plan, "/tmp/run")["GLIBC_TUNABLES"]
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=3")
    assert launch._environment(plan, "/tmp/run")["GLIBC_TUNABLES"] == "glibc.malloc.check=3"


def test_the_loader_processes_of_a_gpu_case_may_be_forked_beside_nccl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that NCCL has registered for InfiniBand stays valid; the same for both sides of a scaling."""
    for name in ("RDMAV_FORK_SAFE", "IBV_FORK_SAFE"):
        monkeypatch.delenv(name, raising=False)
    for case in ("psenet_mp_bs16_fp32_2", "psenet_sp_bs8_fp32_1"):
        environment = launch._environment(planned_run(case).plan, "/tmp/run")
        assert (environment["RDMAV_FORK_SAFE"], environment["IBV_FORK_SAFE"]) == ("1", "1")
    assert "RDMAV_FORK_SAFE" not in launch._environment(planned_run().plan, "/tmp/run")
    monkeypatch.setenv("RDMAV_FORK_SAFE", "0")
    assert launch._environment(planned_run("psenet_mp_bs16_fp32_2").plan, "/tmp/run")["RDMAV_FORK_SAFE"] == "0"


def test_ranks_use_the_threads_of_their_plan(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as torchrun sets it
    assert launch._environment(plan, "/tmp/run")["OMP_NUM_THREADS"] == str(plan.threads)


def test_no_process_of_a_case_waits_for_commands(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python with this variable ends with code 1 after a program that ended well, if it has no input."""
    monkeypatch.setenv("PYTHONINSPECT", "1")
    assert "PYTHONINSPECT" not in launch._environment(plan, "/tmp/run")
    assert Path(launch._synthetic_data(plan)).is_dir()


def test_temporary_files_of_the_ranks_are_in_the_run_folder(plan: Plan) -> None:
    assert launch._environment(plan, "/tmp/run")["TMPDIR"] == "/tmp/run"


def test_without_a_writable_home_compiled_kernels_are_in_the_run_folder(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert launch._environment(plan, "/tmp/run")["TORCHINDUCTOR_CACHE_DIR"] == "/tmp/run/torchinductor"


@pytest.mark.parametrize("shift", [-30.0, 3600.0])
def test_a_step_of_the_systems_clock_changes_no_duration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: float
) -> None:
    run = planned_run(data=tmp_path)
    system_time = time.time
    monkeypatch.setattr(
        launch, "_run_processes", lambda *_: monkeypatch.setattr(time, "time", lambda: system_time() + shift)
    )
    launch.launch(run, tmp_path / "log", NoDisplay())
    assert 0 < run.finished_at - run.started_at == pytest.approx(run.seconds, abs=1e-3)
    assert run.seconds < 30


@pytest.mark.parametrize(("case", "process"), [(SPEED_CASE, "rank 0"), ("psenet_mp_bs4_fp32_cpu2", "the agent")])
def test_a_process_that_the_system_cannot_start_is_a_failure_of_the_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, process: str
) -> None:
    monkeypatch.setenv("TOO_LARGE", "x" * 2**18)  # of the arguments of a program, Linux allows 128 KB each
    run = planned_run(case, data=tmp_path)
    launch.launch(run, tmp_path / "log", NoDisplay())
    assert run.failure == Failure("exception", f"{process} cannot be started: Argument list too long")


def test_a_rank_without_an_agent_is_the_only_one_whatever_pytest_runs_under(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "3")
    environment = launch._environment(plan, "/tmp/run")
    assert [environment[name] for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")] == [*"0011"]


def test_ranks_learn_the_folder_of_synthetic_data_while_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = "import sys; from benchmarks.harness.protocol import data_folder, plan; from pathlib import Path; "
    waiting += "print(data_folder.wait_for_data_folder(Path(plan.Plan.read(Path(sys.argv[1])).run_folder)))"

    def start(_: Plan, path: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", waiting, str(path)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    monkeypatch.setattr(launch, "_start", start)
    monkeypatch.setattr(launch, "_synthetic_data", lambda plan: "/the/folder")
    launch.launch(planned_run(), tmp_path / "log", NoDisplay())
    assert (tmp_path / "log").read_text() == "/the/folder\n"


def test_ranks_that_wait_for_data_that_cannot_be_made_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(*_: object) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE))
        return started[0]

    def fail(_: Plan) -> str:
        raise launch._EndedError(Failure("data", "the disk is full"))

    monkeypatch.setattr(launch, "_start", start)
    monkeypatch.setattr(launch, "_synthetic_data", fail)
    run = planned_run()
    launch.launch(run, tmp_path / "log", NoDisplay())
    assert run.failure == Failure("data", "the disk is full")
    assert started[0].poll() is not None


def test_a_run_folder_that_cannot_be_written_is_an_output_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    run = planned_run()
    launch.launch(run, tmp_path / "log", NoDisplay())
    assert run.failure is not None
    assert (run.failure.kind, run.failure.message[:32]) == ("output", "TMPDIR: /proc/nowhere cannot be ")


def test_a_failure_that_ends_a_case_is_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned_run()
    failure = Failure("exception", "connection to 10.11.12.13:29500 refused", 0)
    monkeypatch.setattr(launch, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(Watchdog, "look", lambda self: failure)
    with subprocess.Popen(["sleep", "60"]) as process, TrainLog(tmp_path / "log") as log:
        with pytest.raises(launch._EndedError) as ended:
            launch._follow(run, process, tmp_path, log, NoDisplay())
        process.kill()
    assert ended.value.failure == Failure("exception", "connection to <ip>:29500 refused", 0)


def test_synthetic_data_that_cannot_be_made_is_a_failure_of_the_data(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(code: int, output: str) -> None:
        done = subprocess.CompletedProcess([], code, stdout=output)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)

    make(0, "/data/synthetic\n")
    assert launch._synthetic_data(plan) == "/data/synthetic"
    make(1, "the set cannot be written to 10.0.0.1\n")
    with pytest.raises(launch._EndedError) as ended:
        launch._synthetic_data(plan)
    assert ended.value.failure == Failure("data", "the set cannot be written to <ip>")
    make(-9, "")
    with pytest.raises(launch._EndedError) as ended:
        launch._synthetic_data(plan)
    assert ended.value.failure.message == (
        "the synthetic data set was not made: exit code -9; run `python -m ocr_models.synthetic_data psenet`"
    )


@pytest.mark.parametrize(("measurement", "options"), [("speed", []), ("convergence", ["--convergence"])])
def test_a_convergence_case_has_the_synthetic_set_of_its_goal(
    measurement: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="/data/synthetic")

    monkeypatch.setattr(subprocess, "run", run)
    launch._synthetic_data(planned_run("psenet_sp_bs2_fp32_cpu1", measurement, output=tmp_path).plan)
    assert commands[0][-1 - len(options) :] == ["psenet", *options]


def test_synthetic_data_must_be_made_within_the_time_limit(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("ocr_models.synthetic_data", 900)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(launch._EndedError, match="the synthetic data set was not made within 900 s"):
        launch._synthetic_data(plan)
