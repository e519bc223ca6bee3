"""A revision as a folder of its own: a git worktree in the cache, removed at the end.

Each comparison locks its folder; the lock ends with its process. So the next comparison recognises and removes what a
killed one left, and leaves those of comparisons that still run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.git import GitError, answer, git, is_root_of_checkout
from benchmarks.harness.controller.termination import handled
from benchmarks.harness.results.redaction import redact
from ocr_models.cache import default_cache_dir
from ocr_models.errors import DataError

PREFIX = "ocr-compare-"
LOCK_SECONDS = 60.0


def resolved(checkout: Path, revision: str) -> str:
    """The commit that a revision names.

    Raises:
        SideError: if the folder is not a checkout, or git does not know the revision.
    """
    if (reason := _reason_of_no_checkout(checkout)) is not None:
        raise SideError(
            f"rev:{revision}: {redact(str(checkout))} is not a git checkout ({reason}); name a folder: tree:FOLDER"
        )
    try:
        found = git(checkout, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except GitError as error:
        raise SideError(
            f"rev:{revision}: git does not know this revision: {error}{_hint(checkout, revision)}"
        ) from None
    commit = found.decode().split()[-1]
    if commit.startswith("^"):
        raise SideError(f"rev:{revision}: names what a set of commits leaves out; name one commit: rev:{revision[1:]}")
    if answer(checkout, "cat-file", "-e", f"{commit}:benchmarks") is None:
        raise SideError(f"rev:{revision}: commit {commit[:7]} has no folder benchmarks/: name a later revision")
    return commit


@contextmanager
def worktree(checkout: Path, commit: str) -> Iterator[Path]:
    """The folder of a commit, as long as the block lasts.

    Raises:
        SideError: if it cannot be made.
    """
    base = worktrees_folder()
    try:
        base.mkdir(parents=True, exist_ok=True)
        with FileLock(base / "lock", timeout=LOCK_SECONDS):
            remove_abandoned(base)
            folder, descriptor = _locked_folder(base)
    except Timeout:
        raise SideError(f"{redact(str(base))}: another comparison holds `lock` there; try again") from None
    except OSError as error:
        raise SideError(
            f"the worktree of a revision cannot be made in {redact(str(base))}: {error.strerror}; "
            "set XDG_CACHE_HOME to a writable folder"
        ) from None
    path = folder / f"{folder.name}-tree"  # git names what it notes of a worktree by this last part
    try:
        _add(checkout, path, commit)
        yield path
    finally:
        with _uninterrupted():
            try:
                _remove(folder)
            finally:
                os.close(descriptor)


def worktrees_folder() -> Path:
    """Raises SideError if there is no home directory for the cache."""
    try:
        return default_cache_dir() / "compare"
    except DataError as error:
        raise SideError(str(error)) from None


def remove_abandoned(base: Path) -> None:
    """Remove the worktrees of comparisons that have ended without doing so."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
            finally:
                os.close(descriptor)


def _locked_folder(base: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that holds its lock."""
    folder = base / f"{PREFIX}{secrets.token_hex(4)}"
    folder.mkdir(0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with contextlib.suppress(OSError):  # a file system without locks: nobody else can lock, and remove, it either
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return folder, descriptor


def _add(checkout: Path, path: Path, commit: str) -> None:
    try:
        git(checkout, "worktree", "add", "--detach", str(path), commit)
    except GitError as error:
        raise SideError(f"git cannot make a worktree of commit {commit[:7]} in {redact(str(path))}: {error}") from None


def _remove(folder: Path) -> None:
    """Remove a worktree, and what its repository noted of it. `git worktree prune` would also forget those of the user
    whose disk is not mounted. The worktree says where the note is, so it is removed after it: if this process is killed
    in between, the next one finds both.
    """
    for path in folder.glob("*-tree"):
        repository = _repository_of(path)
        if repository is not None and repository.parent.name == "worktrees" and repository.name == path.name:
            shutil.rmtree(repository, ignore_errors=True)
        shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _repository_of(path: Path) -> Path | None:
    """Where the repository keeps what it notes of a worktree: .git/worktrees/NAME."""
    try:
        text = (path / ".git").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return path / text.removeprefix("gitdir: ").strip() if text.startswith("gitdir: ") else None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals that end a program are obeyed after the block."""
    came: list[object] = []
    with handled(lambda *_: came.append(None)):
        yield
    if came:
        raise KeyboardInterrupt


def _reason_of_no_checkout(checkout: Path) -> str | None:
    """None if it is one."""
    try:
        if is_root_of_checkout(checkout):
            return None
        root = os.fsdecode(git(checkout, "rev-parse", "--show-toplevel")).strip()
    except GitError as error:
        return str(error)
    return f"the root of the checkout is {redact(root)}"


def _hint(checkout: Path, revision: str) -> str:
    remotes = answer(checkout, "for-each-ref", "--format=%(refname:short)", f"refs/remotes/*/{revision}")
    if remotes:
        return f"; did you mean rev:{remotes.splitlines()[0]}?"
    if answer(checkout, "rev-parse", "--is-shallow-repository") == "true":
        return "; this clone is shallow: `git fetch --unshallow`, in a CI job `fetch-depth: 0`"
    return "; `git fetch` it first if it is new"
