"""Whether a tree changed while it was measured: a hash of everything that could run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.git import GitError, git, is_root_of_checkout
from benchmarks.harness.results.redaction import redact

LARGE_BYTES = 64 * 2**20
"""From this size on a new file is known by its size and time, be it code."""

CODE = {
    *(".py", ".pyi", ".pyx", ".pth", ".so", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".sh"),
    *(".ini", ".cfg", ".toml", ".json", ".yaml", ".yml", ".txt", ".env", ""),
}
"""Suffixes of new files whose content counts. Others, such as images and weights, may be many gigabytes, which cannot
be read before each pair: they are known by size and time.
"""

NOT_CODE = {"__pycache__", "logs", "build", "dist", "venv", "node_modules"}
"""Folders of a tree without git that do not count, as those whose names begin with a dot."""


def fingerprint(tree: Path, ignored: Sequence[Path] = ()) -> str:
    """Of the commit, the changes and the new files of a checkout; of a tree without git, its Python files.

    New files below `ignored`, such as the output of the comparison itself, do not count.

    Raises:
        SideError: if the tree cannot be read.
    """
    digest = hashlib.sha256()
    try:
        if is_root_of_checkout(tree):
            digest.update(git(tree, "rev-parse", "HEAD"))
            digest.update(_changes(tree))
            files = _new_files(tree, ignored)
        else:
            files = [file for file in _code(tree) if not any(_is_below(file, each) for each in ignored)]
    except GitError as error:
        raise SideError(git_problem(tree, error)) from None
    for file in sorted(files):
        digest.update(os.fsencode(file.relative_to(tree)) + b"\0")
        digest.update(_content(file))
    return digest.hexdigest()


def latest_change(tree: Path, ignored: Sequence[Path] = ()) -> str:
    """The file that was changed last, of those that count, as a path in the tree; empty if that is not known.

    A removed file is named only if no other one has changed.
    """
    try:
        if not is_root_of_checkout(tree):
            files = [file for file in _code(tree) if not any(_is_below(file, each) for each in ignored)]
        else:
            changed = git(tree, "diff", "HEAD", "--name-only", "-z").split(b"\0")
            files = [*(tree / os.fsdecode(name) for name in changed if name), *_new_files(tree, ignored)]
    except GitError:
        return ""
    times = {file: file.lstat().st_mtime_ns if os.path.lexists(file) else 0 for file in files}
    return redact(str(max(times, key=times.__getitem__).relative_to(tree))) if times else ""


def is_changed(tree: Path, ignored: Sequence[Path] = ()) -> bool:
    """Whether a checkout differs from its commit. New files below `ignored` do not count.

    Raises:
        SideError: if the tree cannot be read.
    """
    try:
        return bool(_changes(tree) or _new_files(tree, ignored))
    except GitError as error:
        raise SideError(git_problem(tree, error)) from None


def _changes(tree: Path) -> bytes:
    """Of the files of a checkout that git knows."""
    return git(tree, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv")


def _new_files(tree: Path, ignored: Sequence[Path]) -> list[Path]:
    """Files of a checkout that git does not know and is not to ignore."""
    inside = [each.resolve().relative_to(tree.resolve()) for each in ignored if _is_below(each, tree)]
    excluded = [f":(exclude,literal){each}" for each in inside]
    new = git(tree, "ls-files", "--others", "--exclude-standard", "-z", "--", ".", *excluded)
    files = [tree / os.fsdecode(name) for name in new.split(b"\0") if name]
    return [file for file in files if "__pycache__" not in file.parts]


def check_output(tree: Path, output: Path) -> None:
    """Raises SideError if the folder of the comparisons holds files of the tree, which must count."""
    if tree.resolve() == output.resolve():
        raise SideError(f"--output: {redact(str(output))} is the tree that is measured; give another folder")
    try:
        if not _is_below(output, tree) or not is_root_of_checkout(tree):
            return
        inside = output.resolve().relative_to(tree.resolve())
        tracked = git(tree, "ls-files", "-z", "--", f":(literal){inside}")
    except GitError as error:
        raise SideError(git_problem(tree, error)) from None
    if tracked:
        first = os.fsdecode(tracked.split(b"\0")[0])
        raise SideError(
            f"--output: {redact(str(output))} has files of the checkout, such as {redact(first)}; give another folder"
        )


def git_problem(tree: Path, error: GitError) -> str:
    """A tree with a .git of which git says nothing, be it for its owner or for a slow disk."""
    return f"{redact(str(tree))}: git cannot say what changed: {error}"


def _content(file: Path) -> bytes:
    """A digest of a file; of its size and time if it is no code, is large or cannot be read."""
    try:
        status = file.lstat()
        if file.is_symlink():
            return os.fsencode(os.readlink(file))  # noqa: PTH115
        if file.is_file() and file.suffix in CODE and status.st_size < LARGE_BYTES:
            return hashlib.sha256(file.read_bytes()).digest()
        return f"{status.st_size} {status.st_mtime_ns}".encode()
    except OSError as error:
        return f"errno {error.errno}".encode()


def _code(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in NOT_CODE and not name.startswith("."))
        yield from (Path(folder, name) for name in files if name.endswith(".py") or name == "pytest.ini")


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
