"""One case: started, followed, and ended whatever happens."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import structs

from benchmarks.harness.controller import processes
from benchmarks.harness.controller.diagnosis import Exits, cause_of_failure
from benchmarks.harness.controller.machine.gpu_sampler import GpuSampler
from benchmarks.harness.controller.machine.sampler import MachineSampler
from benchmarks.harness.controller.machine.window import machine_of
from benchmarks.harness.controller.run_folder import RunFolder, TemporaryFolderError, run_folder, write_error
from benchmarks.harness.controller.termination import termination_as_interrupt
from benchmarks.harness.controller.train_log import TrainLog
from benchmarks.harness.controller.watchdog import Stopped, Watchdog, nothing_stopped
from benchmarks.harness.protocol.control_groups import oom_kills
from benchmarks.harness.protocol.data_folder import publish_data_folder
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from benchmarks.harness.protocol.records import Failure, StepRecord
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.redaction import redact
from ocr_models.cache import default_cache_dir
from ocr_models.errors import DataError

POLL_SECONDS = 0.2  # often enough for a person, too seldom to take a core from the training
EXIT_SECONDS = 30.0
AGENT, RANK = "benchmarks.harness.worker.agent", "benchmarks.harness.worker"
ONLY_RANK = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
"""What an agent would set. pytest itself may run under one, or under Slurm, with other values."""
UTF_8 = "utf-8:backslashreplace"  # what the processes print, whatever the locale: paths and logs stay readable

# glibc would return every large block to the system and request it again, page by page: 110,000 page faults in a step
# of the CPU case, a tenth of its time. So ranks keep their memory, in large pages. A value set by the user stays.
ALLOCATOR = "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=2147483648:glibc.malloc.hugetlb=1"

# NCCL registers memory for InfiniBand and RoCE. Without these variables a rank that forks, as its loader does, may lose
# that memory. All GPU cases have them, so that an mp case and its single-process baseline have the same environment.
FORK_SAFE = {"RDMAV_FORK_SAFE": "1", "IBV_FORK_SAFE": "1"}


class StepDisplay(Protocol):
    """Shows the steps of a running case to a person."""

    def step(self, record: StepRecord) -> None: ...


class _EndedError(Exception):
    """The launcher ends the case."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def launch(run: Run, log_path: Path, display: StepDisplay, keep: Callable[[Path], None] | None = None) -> None:
    """Run a case in processes of its own, to its end. `run.failure` says what went wrong in it. After a good end `keep`
    is called with the folder of the run, which is removed then.

    Raises:
        OSError: if the train log cannot be created.
    """
    launched_at = time.monotonic()
    run.parts = [(0.0, "start")]
    try:
        with termination_as_interrupt(), TrainLog(log_path, run.log_heading) as log, run_folder() as folder:
            run.plan = structs.replace(run.plan, run_folder=str(folder.path))
            _run_processes(run, folder, log, display)
            if run.failure is None and keep is not None:
                keep(folder.path)
    except KeyboardInterrupt as interrupt:
        run.interrupted = True
        run.failure = Failure("interrupted", f"ended by {interrupt.args[0] if interrupt.args else 'Ctrl-C'}")
    except TemporaryFolderError as error:
        run.failure = Failure("output", redact(str(error)))
    except _EndedError as ended:
        run.failure = ended.failure
    run.seconds = time.monotonic() - launched_at
    run.finished_at = run.started_at + run.seconds
    run.phase_seconds = {name: at - launched_at for name, at in run.ranks[0].phase_times.items()}
    run.parts += [(at - launched_at, name) for at, name in run.ranks[0].parts]


def _synthetic_data(plan: Plan) -> str:
    """The folder of the model's synthetic data set. A process makes or finds it; its progress bar is on stderr."""
    of_convergence = ("--convergence",) if plan.convergence_data else ()
    command = [sys.executable, "-m", "ocr_models.synthetic_data", plan.case.model, *of_convergence]
    limit = plan.timeout_seconds
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**_inherited(), "PYTHONIOENCODING": UTF_8},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise _EndedError(Failure("timeout", f"the synthetic data set was not made within {limit:g} s")) from None
    answer = done.stdout.strip()
    if done.returncode:
        reason = redact(answer) or f"exit code {done.returncode}; run `python -m {' '.join(command[2:])}`"
        raise _EndedError(Failure("data", reason if answer else f"the synthetic data set was not made: {reason}"))
    return answer


def _publish_synthetic_data(plan: Plan, run_folder: Path) -> None:
    """Meanwhile the ranks import torch."""
    try:
        publish_data_folder(run_folder, _synthetic_data(plan))
    except OSError as error:
        if error.errno == errno.ENOMEM:
            message = f"the process that makes the synthetic data set cannot be started: {error.strerror}"
            raise _EndedError(Failure("out_of_memory", message)) from error
        raise _cannot_write(run_folder, error) from error


def _cannot_write(path: Path, error: OSError) -> _EndedError:
    reason = write_error(path) or f"{path}: {error.strerror}"
    return _EndedError(Failure("output", redact(reason)))


def _run_processes(run: Run, folder: RunFolder, log: TrainLog, display: StepDisplay) -> None:
    plan_path = folder.path / "plan.json"
    try:
        run.plan.write(plan_path)
    except OSError as error:
        raise _cannot_write(folder.path, error) from error
    oom_kills_before = oom_kills()
    process = _start(run.plan, plan_path, _environment(run.plan, folder.tmpdir))
    assert process.stdout is not None
    copier = threading.Thread(target=log.copy, args=(process.stdout,), name="train-log", daemon=True)
    copier.start()
    sampler = MachineSampler(process.pid, run.ranks)
    gpu_sampler = GpuSampler(process.pid, run.ranks, folder.path, on_gpus=run.case.gpu_count > 0)
    try:
        with sampler, gpu_sampler:
            if run.plan.data is None:
                _publish_synthetic_data(run.plan, folder.path)
            _follow(run, process, folder.path, log, display, sampler.stopped)
        with contextlib.suppress(subprocess.TimeoutExpired):  # then it is ended, and the diagnosis reports that
            process.wait(timeout=EXIT_SECONDS)
    except _EndedError as ended:
        run.failure = ended.failure
        processes.dump_stacks([events.pid for events in run.ranks if events.pid is not None])
    finally:
        processes.end_all(process, run.plan.run_token)
        copier.join(timeout=5)
        if not copier.is_alive():  # a stray process may hold the other end; closing would wait for it
            process.stdout.close()
        for events in run.ranks:
            events.poll(folder.path)
    run.machine = machine_of(run, sampler, gpu_sampler)
    if run.failure is None:
        exits = Exits.of(process.returncode, folder.path, has_agent=run.plan.has_agent)
        failure = cause_of_failure(run.ranks, folder.path, exits, log.abort, oom_kills() - oom_kills_before)
        failure = failure or log.failure
        run.failure = None if failure is None else _redacted(failure)


def _start(plan: Plan, plan_path: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the agent, or the only rank."""
    what, module = ("the agent", AGENT) if plan.has_agent else ("rank 0", RANK)
    try:
        return subprocess.Popen(
            [sys.executable, "-u", "-m", module, str(plan_path)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches pytest alone, which then ends the case in order
        )
    except OSError as error:  # a limit of processes, files or memory, or an environment that is too large
        kind = "out_of_memory" if error.errno == errno.ENOMEM else "exception"
        raise _EndedError(Failure(kind, f"{what} cannot be started: {error.strerror}")) from error


def _follow(
    run: Run,
    process: subprocess.Popen[bytes],
    run_folder: Path,
    log: TrainLog,
    display: StepDisplay,
    stopped: Stopped = nothing_stopped,
) -> None:
    """Wait for the end of the processes and show their steps. Raises _EndedError if the watchdog ends the case."""
    watchdog = Watchdog(run.plan, run.ranks, stopped=stopped, limit_seconds=run.limit_seconds)
    while not log.ended.wait(POLL_SECONDS) and process.poll() is None:
        records = [events.poll(run_folder) for events in run.ranks]
        for record in records[0]:
            display.step(record)
        if (failure := watchdog.look()) is not None:
            raise _EndedError(_redacted(failure))


def _redacted(failure: Failure) -> Failure:
    return structs.replace(failure, message=redact(failure.message))


def _inherited() -> dict[str, str]:
    """The environment, but for the variable that makes Python ask for commands instead of ending."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONINSPECT"}


def _environment(plan: Plan, tmpdir: str) -> dict[str, str]:
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "GLIBC_TUNABLES": ALLOCATOR,
        **(FORK_SAFE if plan.case.device == "cuda" else {}),
        "TORCHINDUCTOR_CACHE_DIR": _kernel_cache(tmpdir),
        **_inherited(),
        "PYTHONIOENCODING": UTF_8,
        "PYTHONPATH": os.pathsep.join(path),
        "OMP_NUM_THREADS": str(plan.threads),
        "TMPDIR": tmpdir,  # files left by killed processes are removed with the folder
        TOKEN_VARIABLE: plan.run_token,
        **({} if plan.has_agent else ONLY_RANK),
    }


def _kernel_cache(tmpdir: str) -> str:
    """Folder of compiled kernels: shared by all cases, unless there is no home, or it cannot be written."""
    try:
        folder = default_cache_dir() / "torchinductor"
        folder.mkdir(parents=True, exist_ok=True)
    except (DataError, OSError):
        return f"{tmpdir}/torchinductor"
    return str(folder) if os.access(folder, os.W_OK) else f"{tmpdir}/torchinductor"
