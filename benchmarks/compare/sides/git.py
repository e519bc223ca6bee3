"""Questions to git, which never change the checkout, its index or its stash."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.redaction import redact

TIMEOUT_SECONDS = 300.0
OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")


class GitError(Exception):
    """What git answered, or why it cannot be asked: one line."""


def git(folder: Path, *arguments: str) -> bytes:
    """What a command of git prints in a folder.

    Raises:
        GitError: if it fails.
    """
    command = ["git", "-C", str(folder), *OPTIONS, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, env=_environment(), timeout=TIMEOUT_SECONDS
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} did not end within {TIMEOUT_SECONDS:.0f} s") from None
    if done.returncode:
        raise GitError(_reason(done.stderr.decode(errors="replace")) or f"git {arguments[0]}: exit {done.returncode}")
    return done.stdout


def answer(folder: Path, *arguments: str) -> str | None:
    """The same as text without its last line end; None if git fails."""
    try:
        return os.fsdecode(git(folder, *arguments)).removesuffix("\n")
    except GitError:
        return None


def is_root_of_checkout(folder: Path) -> bool:
    """Whether the folder is a checkout of its own, not merely a folder below one: then git knows what changes in it."""
    root = answer(folder, "rev-parse", "--show-toplevel")
    return root is not None and Path(root).resolve() == folder.resolve()


def without_git(environment: dict[str, str]) -> dict[str, str]:
    """Without the variables by which a hook of git, for example, directs every git below it to one repository."""
    return {name: value for name, value in environment.items() if not name.startswith("GIT_")}


def _environment() -> dict[str, str]:
    return {**without_git(dict(os.environ)), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _reason(text: str) -> str:
    """The line of git that names the error, without its first word."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    chosen = (errors or lines or [""])[0]
    return printable_line(redact(chosen.removeprefix("fatal: ").removeprefix("error: ")))
