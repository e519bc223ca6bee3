"""What the machine verdict says of known disturbances: `python -m benchmarks.components.calibrate_machine`.

A small CPU case is run at rest, beside busy processes, stopped, and under a CPU quota. The disturbance begins with the
first step and ends with the last one. Prints a Markdown table of the figures and the verdicts (docs/machine.md).
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.cases import Case, parse_case
from benchmarks.components.quota_group import quota_group
from benchmarks.harness.controller.output import RunFiles
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.machine_report import MachineDetails
from benchmarks.harness.results.common import describe_failure, failure_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.speed_artifact import SpeedArtifact, SpeedDetails
from benchmarks.harness.results.store import read_as

CASE = "psenet_sp_bs2_fp32_cpu1"
WARMUP = 2
STOP_SECONDS = 4.0
QUOTA_CORES = 0.5
POLL_SECONDS = 0.05
TERMINATED = 128 + signal.SIGTERM
HEADINGS = (
    *("situation", "samples/s", "of rest", "case CPU", "foreign cores", "idle cores", "steal", "CPU pressure", "load"),
    *("switches", "throttled", "gap", "freeze", "verdict", "status"),
)

Processes = list[psutil.Process]
"""pytest, the agent, the ranks and their loaders."""


@dataclass(frozen=True)
class Situation:
    """A disturbance: a block in which it lasts, given the processes of the case."""

    name: str
    disturb: Callable[[Processes], AbstractContextManager[object]]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0; 1 if a case failed in another way than disturbed; 2 for wrong options."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # resume, end and remove whatever there is
    found: list[tuple[str, SpeedArtifact]] = []
    for situation in situations(options.busy, options.rest):
        with tempfile.TemporaryDirectory(prefix="ocr-calibrate-") as folder:
            artifact = measured(situation, Path(folder), options)
        if not isinstance(artifact.details, SpeedDetails):
            failure = failure_of(artifact)
            print(f"error: {situation.name}: {failure and describe_failure(failure)}", file=sys.stderr)
            return 1
        found.append((situation.name, artifact))
        print(markdown(found)[-1], file=sys.stderr, flush=True)  # for whoever waits, or ends it early
    for line in markdown(found):
        print(line)
    return 0


def situations(busy: Sequence[int], rest: int) -> list[Situation]:
    """At rest first: the other rows are compared with it."""
    found = [Situation("at rest", lambda _: nullcontext())] * rest
    for count in busy:
        found.append(Situation(f"{count} busy processes", partial(_beside_busy_processes, count)))
    found.append(Situation(f"all stopped, {STOP_SECONDS:g} s", stopped))
    found.append(Situation(f"ranks stopped, {STOP_SECONDS:g} s", lambda processes: stopped(processes[1:])))
    try:
        with quota_group([], QUOTA_CORES):
            found.append(Situation(f"quota of {QUOTA_CORES:g} cores", _under_a_quota))
    except OSError as error:
        print(f"without a quota: {error}", file=sys.stderr)
    return found


def _beside_busy_processes(count: int, _: Processes) -> AbstractContextManager[None]:
    return busy_processes(count)


def _under_a_quota(processes: Processes) -> AbstractContextManager[None]:
    return quota_group([process.pid for process in processes], QUOTA_CORES)


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Other programs that want a core each."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextmanager
def stopped(processes: Processes) -> Iterator[None]:
    """SIGSTOP for a while, then SIGCONT, the children first."""
    for process in processes:
        process.suspend()
    try:
        time.sleep(STOP_SECONDS)
    finally:
        for process in reversed(processes):
            process.resume()
    yield


def measured(situation: Situation, folder: Path, options: argparse.Namespace) -> SpeedArtifact:
    """The case in a pytest of its own, disturbed from its first step to its last."""
    case: Case = options.case
    files = RunFiles.of(case, MEASUREMENTS["speed"], folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "benchmarks"]
    command += [
        "--ocr-case",
        str(case),
        "--ocr-output",
        str(folder),
        "--ocr-steps",
        str(options.steps),
        "--ocr-warmup",
        str(WARMUP),
    ]
    command += ["--ocr-image-size", str(options.image_size), *(["--ocr-data", options.data] if options.data else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"step: {WARMUP + 1}/", files.train_log, process)
            pytest_process = psutil.Process(process.pid)
            with situation.disturb([pytest_process, *pytest_process.children(recursive=True)]):
                _wait_for(f"step: {WARMUP + options.steps}/", files.train_log, process)
            process.wait()
        finally:
            process.terminate()  # ends the case in order; nothing if it has ended
    return read_as(files.artifact, SPEED)


def markdown(found: Sequence[tuple[str, SpeedArtifact]]) -> list[str]:
    """The table. The rate of a failed case is computed from its details: it is shown here, not published."""
    at_rest = statistics.median(_rate(artifact) for name, artifact in found if name == found[0][0])
    rows = [HEADINGS, tuple("---" for _ in HEADINGS)]
    for name, artifact in found:
        assert isinstance(artifact.details, SpeedDetails)
        rate = _rate(artifact)
        status = "ok" if artifact.JOB_FAIL_FLAG == 0 else "failed"
        machine = artifact.details.machine
        figures = _figures(machine) if machine is not None else ["-"] * (len(HEADINGS) - 4)
        rows.append((name, f"{rate:.2f}", f"{rate / at_rest:.2f}", *figures, status))
    return [f"| {' | '.join(row)} |" for row in rows]


def _figures(machine: MachineDetails) -> list[str]:
    pressure, freeze = machine.pressure.cpu, machine.freeze
    return [
        f"{machine.case_cpu_fraction:.0%}",
        _number(machine.foreign_cores),
        _number(machine.idle_cores),
        "-" if machine.steal_fraction is None else f"{machine.steal_fraction:.1%}",
        "-" if pressure is None else f"{pressure.some:.0%}",
        _number(machine.load_average),
        str(machine.involuntary_switches),
        "-" if machine.throttled_period_fraction is None else f"{machine.throttled_period_fraction:.0%}",
        f"{machine.longest_watch_gap_seconds:.2f} s",
        "-" if freeze is None else f"{freeze.seconds:.1f} s",
        machine.verdict,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _rate(artifact: SpeedArtifact) -> float:
    assert isinstance(artifact.details, SpeedDetails)
    return artifact.details.samples / artifact.details.measured_seconds


def _wait_for(text: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the train log has a text, or the case has ended."""
    while process.poll() is None and not (log.exists() and text in log.read_text(encoding="utf-8", errors="replace")):
        time.sleep(POLL_SECONDS)


def _case_on_the_cpu(text: str) -> Case:
    try:
        case = parse_case(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if case.device != "cpu":
        raise argparse.ArgumentTypeError(f"{text!r} is not a case on the CPU")
    return case


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.components.calibrate_machine", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("--case", type=_case_on_the_cpu, default=CASE, help="a case on the CPU")
    parser.add_argument("--image-size", type=int, default=64, help="pixels")
    parser.add_argument("--steps", type=int, default=8, help="measured steps")
    parser.add_argument("--rest", type=int, default=2, help="runs at rest")
    parser.add_argument("--busy", type=int, nargs="*", default=[1, 2, 4, 16], help="numbers of busy processes")
    parser.add_argument("--data", help="folder of annotated images; by default the synthetic set")
    return parser


if __name__ == "__main__":
    sys.exit(main())
