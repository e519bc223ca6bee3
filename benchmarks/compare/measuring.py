"""Measures a pair: a run of each side, one right after the other, in fresh processes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from benchmarks.compare.document import Pair, RunFigures
from benchmarks.compare.errors import SideError
from benchmarks.compare.files import ComparisonFiles
from benchmarks.compare.judging.course import CaseState
from benchmarks.compare.judging.procedure import Turn
from benchmarks.compare.judging.verdict import runs as runs_of
from benchmarks.compare.runs import figures, running
from benchmarks.compare.runs.differences import settings_of
from benchmarks.compare.sides.open_side import OpenSide
from benchmarks.harness.controller.commands import Interruption


@dataclass(frozen=True)
class PairRunner:
    """Measures the pairs of a comparison.

    Attributes:
        base, head: None for a stored side.
        files: of the comparison; each run has a folder of its own.
        options: pytest options of both sides.
        full: whether every pair is measured with the probes, and not only those before a case has a good full pair.
        interruption: of the comparison; obeyed before and in each run.
    """

    base: OpenSide | None
    head: OpenSide | None
    files: ComparisonFiles
    options: tuple[str, ...]
    full: bool
    interruption: Interruption

    def __call__(self, case: CaseState, turn: Turn) -> Pair:
        """A pair. A run that fails has a `failure`; the other side is run all the same, as it may fail as well.

        Raises:
            SideError: if a side is not what it was when it was opened, or does not fit a stored side.
            KeyboardInterrupt: after Ctrl-C, SIGTERM or SIGHUP; the processes have ended.
            OSError: if a folder cannot be written.
        """
        sides = {"base": self.base, "head": self.head}
        self._check_unchanged()
        order = ("head", "base") if turn.head_first else ("base", "head")
        light = not self.full and any(map(_is_full, case.pairs)) and all(side.light for side in self._measured())
        runs: dict[str, RunFigures | None] = {name: self._run(sides[name], name, case, turn, light) for name in order}
        self._check_unchanged()
        for name, run in runs.items():
            self._check_same(sides[name], name, case, run)
        for stored, run in ((case.base_stored, runs["head"]), (case.head_stored, runs["base"])):
            if stored is not None and run is not None and run.failure is None:
                stored.check_run(figures.read_speed_json(self.files.folder / run.artifact))
        return figures.pair(turn.number, turn.attempt, head_first=turn.head_first, base=runs["base"], head=runs["head"])

    def _measured(self) -> list[OpenSide]:
        return [side for side in (self.base, self.head) if side is not None]

    def _check_unchanged(self) -> None:
        for side in self._measured():
            side.check_unchanged()

    def _check_same(self, side: OpenSide | None, name: str, case: CaseState, run: RunFigures | None) -> None:
        """Compare versions and settings of a run with those of the first run of its side: `env:` is no part of a tree.

        Raises:
            SideError: if a field differs.
        """
        earlier = [pair.base if name == "base" else pair.head for pair in case.pairs]
        good = [each for each in earlier if each is not None and each.failure is None]
        if side is None or run is None or run.failure is not None or not good:
            return
        try:
            first, now = (figures.read_speed_json(self.files.folder / each.artifact) for each in (good[0], run))
        except figures.ArtifactError:  # that of the first run was removed
            return
        before = settings_of(first) | figures.versions_of(first)
        for field, value in (settings_of(now) | figures.versions_of(now)).items():
            if before.get(field, value) != value:
                raise SideError(
                    f"{side.description.title}: changed while it was measured: {field} was {before[field]} "
                    f"in its first run and is {value} now"
                )

    def _run(self, side: OpenSide | None, name: str, case: CaseState, turn: Turn, light: bool) -> RunFigures | None:
        if side is None:
            return None
        if self.interruption.came:
            raise KeyboardInterrupt
        folder = self.files.runs / case.base_case / f"{turn.number}_{turn.attempt}_{name}"
        if folder.exists():  # of a pair that was interrupted
            shutil.rmtree(folder)
        return running.run(
            side,
            case.base_case if name == "base" else case.head_case,
            folder,
            options=self.options,
            light=light,
            document_folder=self.files.folder,
            interruption=self.interruption,
        )


def _is_full(pair: Pair) -> bool:
    """Whether all runs of a pair are good and had the probes, whose figures are compared."""
    return all(run.failure is None and not run.light for run in runs_of(pair))
