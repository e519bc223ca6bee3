"""Makes both sides ready: opened if they are measured, read if they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.compare.document import FOLDER
from benchmarks.compare.files import ComparisonFiles
from benchmarks.compare.judging.course import CaseState, Course
from benchmarks.compare.judging.procedure import Procedure
from benchmarks.compare.measuring import PairRunner
from benchmarks.compare.question import Question
from benchmarks.compare.record import Record
from benchmarks.compare.runs.stored import StoredSide, stored_runs
from benchmarks.compare.sides.open_side import OpenSide, opened
from benchmarks.compare.sides.side import Side
from benchmarks.harness.controller.commands import Interruption
from benchmarks.harness.controller.machine.machine_key import key_of_this_machine


@dataclass(frozen=True)
class Sides:
    """Both sides, ready. `machine` is the key of this machine."""

    base: OpenSide | StoredSide
    head: OpenSide | StoredSide
    machine: dict[str, str]

    def runner(self, asked: Question, files: ComparisonFiles, interruption: Interruption) -> PairRunner:
        """Measures the pairs."""
        base, head = (side if isinstance(side, OpenSide) else None for side in (self.base, self.head))
        return PairRunner(base, head, files, asked.options, asked.parameters.full, interruption)

    def record(self, asked: Question, files: ComparisonFiles) -> Record:
        """Of a comparison without any pair."""
        base, head = (side if isinstance(side, StoredSide) else None for side in (self.base, self.head))
        stored = base or head
        share = asked.parameters.alpha / len(asked.cases)
        cases = [
            CaseState(
                str(of_base),
                str(of_head),
                Procedure(
                    asked.parameters, device=asked.device, alpha=share, stored=None if stored is None else stored.runs
                ),
                base,
                head,
            )
            for of_base, of_head in asked.cases
        ]
        return Record(
            name=files.name,
            started_at=files.started_at,
            base=self.base.description,
            head=self.head.description,
            parameters=asked.parameters,
            machine=self.machine,
            course=Course(cases, asked.parameters.alpha),
            folder=files.folder,
        )


def machine_of(asked: Question) -> dict[str, str]:
    """The key of this machine, as far as the device of the cases uses it."""
    return key_of_this_machine(asked.cases[0][0])


@contextmanager
def open_sides(asked: Question, output: Path) -> Iterator[Sides]:
    """Both sides, as long as the block lasts. New files in the comparisons of the folder `output` change no tree.

    Raises:
        SideError: if a side cannot be used.
        KeyboardInterrupt: by SIGTERM and SIGHUP, too.
    """
    machine = machine_of(asked)
    with ExitStack() as stack:

        def ready(side: Side, case: Case) -> OpenSide | StoredSide:
            if side.stored is None:
                return stack.enter_context(opened(side, options=asked.options, output=output / FOLDER))
            return stored_runs(side.stored, case=str(case), options=asked.options, machine=machine)

        yield Sides(ready(asked.base, asked.cases[0][0]), ready(asked.head, asked.cases[0][1]), machine)
