"""The files of a run under the output folder, and the claim of one pytest run on that folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from benchmarks.cases import Case
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.measurement import PICTURE_SUFFIX, Measurement
from ocr_models.files import write_text_atomically


class OutputInUseError(Exception):
    """Another run writes to the same folder: one line."""


@dataclass(frozen=True)
class RunFiles:
    """The files that a run leaves.

    Attributes:
        train_log, steps: log and step records of this node. Nodes may share the folder: the names of those after node 0
            end in their number.
        artifact, picture, attachment: written by node 0. The picture is a PNG next to the artifact, if the measurement
            draws one. The attachment is None if it has none.
    """

    train_log: Path
    steps: Path
    artifact: Path
    picture: Path
    attachment: Path | None = None

    @classmethod
    def of(cls, case: Case, measurement: Measurement, output: Path, node_rank: int = 0) -> RunFiles:
        name = measurement.log_name(case) + (f".node{node_rank}" if node_rank else "")
        artifact = output / "index" / measurement.artifact_name(case)
        attached = measurement.attachment
        return cls(
            train_log=output / "train_log" / name,
            steps=output / "train_log" / f"{name}.steps.jsonl",
            artifact=artifact,
            picture=artifact.with_name(f"{artifact.name}{PICTURE_SUFFIX}"),
            attachment=None if attached is None else artifact.with_name(f"{artifact.name}{attached.suffix}"),
        )

    @property
    def all(self) -> tuple[Path, ...]:
        attached = () if self.attachment is None else (self.attachment,)
        return self.artifact, self.picture, *attached, self.train_log, self.steps

    def clear(self, *, writes_artifact: bool) -> None:
        """Remove the files of an earlier run, which must not be taken for results of this one."""
        for path in self.all if writes_artifact else (self.train_log, self.steps):
            path.unlink(missing_ok=True)
            remove_unfinished(path.parent, path.name)


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what processes left that were killed while they wrote a file of that name (`ocr_models/files.py`)."""
    for left in folder.glob(f".{name}.[0-9]*.unfinished"):
        left.unlink(missing_ok=True)


@dataclass(frozen=True)
class Reserve:
    """Disk space kept free, so that the artifact can still report a disk that the train log filled up."""

    path: Path
    size: int = 32 * 1024

    def keep(self) -> None:
        """Raises OSError if there is no space."""
        self.path.write_bytes(bytes(self.size))

    def release(self) -> None:
        with suppress(OSError):  # the folder may have been deleted or replaced; writing to it will tell
            self.path.unlink()


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Hold the output folder during the block.

    Raises:
        OutputInUseError: if another run holds it.
        OSError: if it cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    lock_path = output / ".lock"
    lock = FileLock(lock_path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputInUseError(
            f"another run is writing to {output}; wait for it, or give another folder with --ocr-output"
        ) from None
    try:
        yield
    finally:
        lock_path.unlink(missing_ok=True)
        lock.release()


def write_steps(path: Path, run: Run) -> None:
    """Write the step records of all ranks of this node, as many as there are, one JSON object per line. Those of a run
    that consists of tries have the number of the try.
    """
    numbered = [({"try": number}, each) for number, each in enumerate(run.tries, start=1)]
    lines = [
        msgspec.json.encode({**number, "rank": events.rank, **msgspec.to_builtins(record)}).decode()
        for number, each in numbered or [({}, run)]
        for events in each.ranks
        for record in events.records
    ]
    write_text_atomically(path, "".join(f"{line}\n" for line in lines))
