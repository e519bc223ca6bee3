"""A side that is ready to be measured: its tree, its interpreter, its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.compare.document import SideDescription
from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.environment import environment_of
from benchmarks.compare.sides.fingerprints import check_output, fingerprint, git_problem, is_changed, latest_change
from benchmarks.compare.sides.git import GitError, git, is_root_of_checkout
from benchmarks.compare.sides.interpreters import help_of_suite, interpreter, versions
from benchmarks.compare.sides.side import Side, StoredSource, parse_side
from benchmarks.compare.sides.side_options import LIGHT
from benchmarks.compare.sides.worktrees import resolved, worktree
from benchmarks.harness.controller.termination import termination_as_interrupt
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.redaction import redact
from benchmarks.harness.results.shown_side import shown_side, shown_variable
from ocr_models.cache import default_cache_dir
from ocr_models.errors import DataError

__all__ = ["OpenSide", "Side", "SideError", "StoredSource", "opened", "parse_side"]


@dataclass(frozen=True)
class OpenSide:
    """A side while it is measured.

    Attributes:
        tree: root of its checkout.
        python: its interpreter.
        environment: of its processes.
        description: for the document.
        ignored: folders in the tree whose new files are no change of it: the output of the comparison, the cache.
    """

    side: Side
    tree: Path
    python: Path
    environment: dict[str, str]
    description: SideDescription
    ignored: tuple[Path, ...] = ()

    @property
    def light(self) -> bool:
        """Whether its suite knows --ocr-light."""
        return self.description.light

    def check_unchanged(self) -> None:
        """Raises SideError if the tree is not the one that was opened."""
        if not (self.tree / "benchmarks").is_dir():
            raise SideError(f"{self.description.title}: {redact(str(self.tree))} was removed while it was measured")
        known = self.description.fingerprint
        if known is not None and fingerprint(self.tree, self.ignored) != known:
            name = latest_change(self.tree, self.ignored)
            raise SideError(
                f"{self.description.title}: changed while it was measured{f' (last: {name})' if name else ''}; "
                "edit another checkout, or commit and compare rev:GIT"
            )


@contextmanager
def opened(
    side: Side, *, options: Sequence[str] = (), output: Path | None = None, checkout: Path = ROOT
) -> Iterator[OpenSide]:
    """The side, ready as long as the block lasts. SIGTERM and SIGHUP are KeyboardInterrupts in the block, as Ctrl-C is:
    else a worktree would be left.

    Args:
        side: one that is measured, not a stored one.
        options: of pytest, for both sides.
        output: folder of the comparisons: what is written there changes no tree.
        checkout: that of the command, which `.` and `rev:` mean.

    Raises:
        SideError: if it cannot be measured.
    """
    if side.stored is not None:
        raise ValueError("a stored side is read, not opened")
    with termination_as_interrupt(), ExitStack() as stack:
        tree, commit = side.tree or checkout, None
        python = interpreter(side.python) if side.python is not None else Path(sys.executable)
        if side.revision is not None:
            commit = resolved(tree, side.revision)
            tree = stack.enter_context(worktree(tree, commit))
        else:
            commit = _commit(tree)
            if output is not None:
                check_output(tree, output)
        environment = environment_of(side, tree)
        found = {} if side.python is None else versions(python, tree, environment)
        ignored = (*([] if output is None else [output]), *_cache())
        files = None if side.revision is not None else fingerprint(tree, ignored)
        changed = side.revision is None and commit is not None and is_changed(tree, ignored)
        title = _title(side, commit, files if changed else None, found)
        description = SideDescription(
            given=[shown_side(text) for text in side.given],
            kind=_kind(side),
            title=title,
            commit=commit,
            changed=changed,
            fingerprint=files,
            python=_line(str(python)),
            options=[_line(word) for word in side.options],
            environ=[shown_variable(name, value) for name, value in side.environ],
            light=LIGHT in help_of_suite(python, tree, environment, title, [*options, *side.options]),
            stored_runs=0,
            versions=found,
        )
        yield OpenSide(side, tree, python, environment, description, ignored)


def _commit(tree: Path) -> str | None:
    """That of a checkout; None for a tree without git."""
    try:
        return os.fsdecode(git(tree, "rev-parse", "HEAD")).strip() if is_root_of_checkout(tree) else None
    except GitError as error:
        raise SideError(git_problem(tree, error)) from None


def _cache() -> list[Path]:
    """The folder in which runs keep synthetic images and compiled kernels, if there is one."""
    try:
        return [default_cache_dir().absolute()]
    except DataError:
        return []


def _kind(side: Side) -> Literal["working_tree", "revision"]:
    return "working_tree" if side.revision is None else "revision"


def _title(side: Side, commit: str | None, changes: str | None, found: dict[str, str]) -> str:
    """For example `main (3f2a91c), torch 2.9.0, A=1`."""
    if side.revision is not None:
        assert commit is not None
        code = f"commit {commit[:7]}" if commit.startswith(side.revision) else f"{side.revision} ({commit[:7]})"
    else:
        code = "working tree" if side.tree is None else f"tree {side.tree}"
        if commit is not None:
            code += f" ({commit[:7]}{f', uncommitted changes {changes[:7]}' if changes else ''})"
    parts = [code, f"torch {found['torch']} on Python {found['python']}" if found else "", side.case or ""]
    parts += [" ".join(side.options), *(shown_variable(name, value) for name, value in side.environ)]
    return _line(", ".join(filter(None, parts)))


def _line(text: str) -> str:
    return printable_line(redact(text)) or "(empty)"
