"""The previous training of a case, kept until a new one has succeeded.

A training may take hours. So a measurement that fills a folder does not empty it when its command is repeated: the
folder is renamed to `NAME.previous`, and the artifact, its picture and the log of a good training move along.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.controller.output import RunFiles, remove_unfinished
from benchmarks.harness.results import store


@dataclass(frozen=True)
class PreviousTraining:
    """What an earlier run of a case left.

    Attributes:
        folder: that the measurement fills.
        files: of the run, also of the earlier one.
    """

    folder: Path
    files: RunFiles

    @property
    def kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.previous")

    def keep(self, *, resume: bool) -> Path | None:
        """Put the previous training aside, unless a better one was put aside before. A run that resumes needs its
        folder: only the result of a finished training moves, into the folder. Returns the folder that keeps the
        previous training; None if there is none.

        Raises:
            OSError: if a file cannot be moved.
        """
        if _is_good(self.files.artifact):
            for path in reversed(self.files.all):  # the artifact last: if pytest is ended, the next run moves the rest
                _move(path, self.folder / path.parent.name)
        remove_unfinished(self.folder)
        if not resume and self.folder.exists():
            better = self._is_good_in(self.kept) and not self._is_good_in(self.folder)
            _remove(self.folder if better else self.kept)
            if not better:
                self.folder.rename(self.kept)
        if self._is_good_in(self.folder):
            return self.folder
        return self.kept if self.kept.exists() else None

    def drop(self) -> None:
        """A better one exists now."""
        for folder in (self.kept, *(self.folder / path.parent.name for path in self.files.all)):
            _remove(folder)

    def _is_good_in(self, folder: Path) -> bool:
        return _is_good(folder / self.files.artifact.parent.name / self.files.artifact.name)


def _is_good(artifact: Path) -> bool:
    """Whatever version of the suite wrote it."""
    try:
        flag = store.read(artifact).get("JOB_FAIL_FLAG")
    except store.ArtifactError:
        return False
    return flag == 0 and flag is not False


def _move(path: Path, folder: Path) -> None:
    if path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / path.name)


def _remove(folder: Path) -> None:
    """Of a link to another disk only the name. Whatever else is in the way goes, too: rmtree would wait for a FIFO."""
    with suppress(OSError):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.unlink(missing_ok=True)
