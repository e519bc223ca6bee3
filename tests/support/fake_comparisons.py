"""Comparisons whose runs are made up: the loop, the procedure, the files and the command are real."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import opening
from benchmarks.compare.document import MachineState, RunFigures, SideDescription
from benchmarks.compare.errors import SideError
from benchmarks.compare.runs import running
from benchmarks.compare.sides.open_side import OpenSide
from benchmarks.compare.sides.side import Side
from comparisons import MACHINE, NOW
from samples import document, speed_artifact

CASE = "psenet_sp_bs2_fp32_cpu1"
OTHER_CASE = "psenet_sp_bs4_fp32_cpu1"


@dataclass
class FakeRuns:
    """Stands in for `running.run` and `sides.opened`: no process is started.

    Attributes:
        base, head: samples per second.
        noise: standard deviation of the logarithm of a rate; noise_of: that of a case.
        seconds: of a command; the first run of a side, a full one, takes `full_seconds`.
    machine: by the count of all runs, from 1; others are quiet.
        failures: the same, with the cause.
        before: called with the count before each run.
        changed: whether the working tree is another one than when it was opened.
        commit: of the working tree.
        versions: of a side, by its title, before its first run.
    details: changes the artifact of a run of a side.
    calls: what was run: side, case, folder, options, light.
    opened_now: sides that are open.
    """

    base: float = 10.0
    head: float = 10.0
    noise: float = 0.001
    noise_of: dict[str, float] = field(default_factory=dict)
    seconds: float = 10.0
    full_seconds: float = 30.0
    light: bool = True
    machine: dict[int, MachineState] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    before: Callable[[int], object] = lambda _: None
    changed: Callable[[], bool] = lambda: False
    commit: str = "a" * 40
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    details: Callable[[str, dict[str, Any]], None] = lambda side, document: None
    calls: list[dict[str, Any]] = field(default_factory=list)
    opened_now: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(5))

    def run(self, side: OpenSide, case: str, folder: Path, **keywords: Any) -> RunFigures:
        name = folder.name.rpartition("_")[2]
        self.calls.append({"side": name, "case": case, "folder": folder, **keywords})
        count = len(self.calls)
        self.before(count)
        noise = self.noise_of.get(case, self.noise)
        rate = (self.base if name == "base" else self.head) * math.exp(self.random.gauss(0, noise))
        failure, run_id = self.failures.get(count), f"{count:032x}"
        path = folder / "index" / f"{case}_speed"
        if failure is None:
            artifact = document(speed_artifact(case))
            artifact["details"]["run_id"] = run_id
            self.details(name, artifact)
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(artifact))
        state = self.machine.get(count, "quiet")
        light = keywords["light"]
        return RunFigures(
            artifact=str(path.relative_to(keywords["document_folder"])),
            run_id=run_id,
            started_at=NOW,
            command_seconds=self.seconds if light else self.full_seconds,
            samples_per_second=None if failure else rate,
            cpu_seconds_per_sample=None if failure else 1 / rate,
            cpu_source=None if failure else "ranks",
            threads=2,
            processes=1,
            loader_workers=0,
            machine=state,
            reasons=["other programs used 1.50 of 2 cores"] if state == "disturbed" else [],
            light=light,
            failure=failure,
        )

    @contextmanager
    def opened(self, side: Side, **keywords: Any) -> Iterator[OpenSide]:
        title = "working tree" if side.given == (".",) else " ".join(side.given)
        description = SideDescription(
            given=list(side.given),
            kind="working_tree",
            title=title,
            commit=self.commit,
            fingerprint="f" * 64,
            python="python",
            options=list(side.options),
            environ=[f"{name}={value}" for name, value in side.environ],
            light=self.light,
            stored_runs=0,
            versions=self.versions.get(title, {}),
        )
        self.opened_now += 1
        try:
            yield FakeSide(side, Path("/tree"), Path("python"), {}, description, (), self)
        finally:
            self.opened_now -= 1

    def replace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let comparisons use the fakes."""
        monkeypatch.setattr(running, "run", self.run)
        monkeypatch.setattr(opening, "opened", self.opened)
        monkeypatch.setattr(opening, "key_of_this_machine", lambda case: MACHINE)

    @property
    def order(self) -> list[str]:
        """The sides in the order of their runs."""
        return [call["side"] for call in self.calls]


@dataclass(frozen=True)
class FakeSide(OpenSide):
    """A side that is measured without a process."""

    fakes: FakeRuns | None = None

    def check_unchanged(self) -> None:
        assert self.fakes is not None
        if self.fakes.changed():
            raise SideError(f"{self.description.title}: changed while it was measured; edit another checkout")


def arguments(output: Path, *more: str, case: Sequence[str] = (CASE,)) -> list[str]:
    """Of a comparison of the working tree with itself."""
    return ["--base", ".", "--case", *case, "--output", str(output), "--seed", "1", "--name", "test", *more]
