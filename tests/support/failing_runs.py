"""Runs that are meant to fail, or to be disturbed, and what they leave."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from artifacts import read_artifact
from suite import ROOT, Outcome, suite_command, suite_environment

CASE, NAME = "tiny_sp_bs2_fp32_cpu1", "ocr_Tiny_sp_bs2_fp32_cpu1"
SHORT = ("--ocr-image-size", 64, "--ocr-steps", 6, "--ocr-warmup", 1)
OUTPUT_VARIABLE = "TINY_OUTPUT"
"""Environment variable that holds the output folder, so that the processes of a run can be found."""


@dataclass(frozen=True)
class FailedCase:
    """What a failed case leaves."""

    outcome: Outcome
    output: Path
    name: str

    @property
    def document(self) -> dict[str, Any]:
        return read_artifact(self.output, self.name)

    @property
    def failure(self) -> dict[str, Any]:
        failure: dict[str, Any] = self.document["details"]["failure"]
        return failure

    @property
    def log(self) -> str:
        return (self.output / "train_log" / self.name).read_text()

    def is_reported(self, kind: str, message: str, rank: int | None) -> None:
        """The JSON is valid and flagged, the test fails with its cause in one line, and nothing is left running."""
        assert (self.document["JOB_FAIL_FLAG"], self.document["FINAL_RESULT"]) == (1, 0)
        assert (self.failure["kind"], self.failure["rank"]) == (kind, rank), self.failure
        assert re.search(message, self.failure["message"]), self.failure
        assert self.failure["message"] in self.outcome.text
        assert processes_of(self.output) == []
        assert not (self.output / ".lock").exists()
        assert shared_memory_left() == []


def processes_of(output: Path) -> list[psutil.Process]:
    """Agents, ranks and their loaders, started for this output folder, that still run."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        ours = (process.info["environ"] or {}).get(OUTPUT_VARIABLE) == str(output)
        if ours and "benchmarks.harness." in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_until_gone(output: Path, seconds: float) -> None:
    """Wait for the processes of a run to end by themselves."""
    deadline = time.monotonic() + seconds
    while found := processes_of(output):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def shared_memory_left() -> list[str]:
    """Segments of torch's loader processes whose maker, named in them, is gone."""
    segments = (path.name for path in Path("/dev/shm").glob("torch_*"))
    return [name for name in segments if not psutil.pid_exists(int(name.split("_")[1]))]


@contextmanager
def started(output: Path, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """pytest as a user starts it, to be disturbed while it runs; killed at the end of the block if it still runs."""
    with subprocess.Popen(
        suite_command(*arguments, "--ocr-output", output),
        env=suite_environment(**{OUTPUT_VARIABLE: str(output)}, **environment),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_step(step: int, log: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the train log of a run that was started shows a step."""
    deadline = time.monotonic() + 120
    while not (log.exists() and f"step: {step}/" in log.read_text()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"the case did not reach step {step}"
        time.sleep(0.02)
