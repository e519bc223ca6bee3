"""Questions to git, which never change the checkout, its index or its stash."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.redaction import redact

TIMEOUT_SECONDS = 300.0
OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")


OF_A_REPOSITORY = {
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH", "GIT_NO_REPLACE_OBJECTS"),
    *("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"),
    *("GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_CONFIG"),
}
"""Variables that `git rev-parse --local-env-vars` lists, of any version, without the configuration in GIT_CONFIG_*,
which may say for example that a checkout of another user is safe.
"""


class GitError(Exception):
    """What git answered, or why it cannot be asked: one line."""


class GitMissingError(GitError):
    """Git is not installed."""


def git(folder: Path, *arguments: str) -> bytes:
    """What a command of git prints in a folder.

    Raises:
        GitError: if it fails.
    """
    command = ["git", "-C", str(folder), *OPTIONS, *arguments]
    try:
        code, output, errors = _run(command)
    except FileNotFoundError:
        raise GitMissingError("git is not installed") from None
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} did not end within {TIMEOUT_SECONDS:.0f} s") from None
    if code:
        raise GitError(_reason(errors.decode(errors="replace")) or f"git {arguments[0]}: exit {code}")
    return output


def answer(folder: Path, *arguments: str) -> str | None:
    """The same as text without its last line end; None if git fails."""
    try:
        return os.fsdecode(git(folder, *arguments)).removesuffix("\n")
    except GitError:
        return None


def is_root_of_checkout(folder: Path) -> bool:
    """Whether the folder is a checkout of its own, not merely a folder below one: then git knows what changes in it.

    Raises:
        GitError: if it has a .git, but git does not answer.
    """
    if not os.path.lexists(folder / ".git"):
        return False
    try:
        root = os.fsdecode(git(folder, "rev-parse", "--show-toplevel")).removesuffix("\n")
    except GitMissingError:
        return False
    return Path(root).resolve() == folder.resolve()


def without_git(environment: dict[str, str]) -> dict[str, str]:
    """Without the variables by which a hook of git, for example, directs every git below it to one repository."""
    return {name: value for name, value in environment.items() if name not in OF_A_REPOSITORY}


def _run(command: list[str]) -> tuple[int, bytes, bytes]:
    """Exit code, output and errors. Ctrl-C at a terminal reaches only this process, which decides what ends."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        except BaseException:
            if process.poll() is None:  # after Ctrl-C `communicate` waits, and git may have ended meanwhile
                os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the group is still its own
            raise
        return process.returncode, output, errors


def _environment() -> dict[str, str]:
    return {**without_git(dict(os.environ)), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _reason(text: str) -> str:
    """The line of git that names the error, without its first word."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    chosen = (errors or lines or [""])[0]
    return printable_line(redact(chosen.removeprefix("fatal: ").removeprefix("error: ")))
