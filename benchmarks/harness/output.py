"""The files of a case under the output folder, and the claim of one pytest run on them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks.cases import Case
from benchmarks.harness.artifact import write_atomically
from benchmarks.harness.launch import Run


class OutputInUseError(Exception):
    """Another run writes to the same folder: one line."""


@dataclass(frozen=True)
class CasePaths:
    """Where a case leaves its train log, its step records and its JSON.

    Attributes:
        picture: of a convergence case: its curves, beside the JSON.
    """

    train_log: Path
    steps: Path
    index: Path
    picture: Path
    node_rank: int = 0

    @classmethod
    def of(cls, case: Case, output: Path, node_rank: int = 0, kind: str = "speed") -> CasePaths:
        """Nodes may share the folder: the logs of those after the first end in their number."""
        name = case.log_name + ("_convergence" if kind == "convergence" else "")
        name += f".node{node_rank}" if node_rank else ""
        logs, index = output / "train_log", output / "index" / f"{case.log_name}_{kind}"
        return cls(
            train_log=logs / name,
            steps=logs / f"{name}.steps.jsonl",
            index=index,
            picture=index.with_name(f"{index.name}.png"),
            node_rank=node_rank,
        )

    def clear(self) -> None:
        """Remove what an older run left: it must not pass for the result of this one."""
        for path in (self.train_log, self.steps, *([self.index, self.picture] if self.node_rank == 0 else [])):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Reserve:
    """Room on the disk that is kept for the artifact, so that it can say so where the train log fills the disk up."""

    path: Path
    size: int = 32 * 1024

    def keep(self) -> None:
        """Raises OSError where there is no room."""
        self.path.write_bytes(bytes(self.size))

    def give_back(self) -> None:
        self.path.unlink(missing_ok=True)


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Hold the output folder for this run.

    Raises:
        OutputInUseError: where another run holds it.
        OSError: where it cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    lock_path = output / ".lock"
    lock = FileLock(lock_path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputInUseError(
            f"another run is writing to {output}; wait for it, or name another folder with --ocr-output"
        ) from None
    try:
        yield
    finally:
        lock_path.unlink(missing_ok=True)
        lock.release()


def _numbers(losses: dict[str, float]) -> dict[str, float | None]:
    """As JSON can hold them: null for what is no number."""
    return {name: value if math.isfinite(value) else None for name, value in losses.items()}


def write_steps(path: Path, run: Run) -> None:
    """The step records of all ranks of this node, as far as they came, a JSON object a line."""
    lines = [
        json.dumps({"rank": told.rank, **asdict(record), "losses": _numbers(record.losses)}, allow_nan=False)
        for told in run.ranks
        for record in told.records
    ]
    write_atomically(path, "".join(f"{line}\n" for line in lines))
