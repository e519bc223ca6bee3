"""The Python that runs a side."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.paths import full_path
from benchmarks.compare.sides.pytest_log import reason_in
from benchmarks.compare.sides.side_options import unknown_option
from benchmarks.harness.results.redaction import redact

CASE = "--ocr-case"
CHECK_SECONDS = 120.0  # importing torch from a slow disk takes half a minute
CHECK = """
import json, platform, pytest, torch
print(json.dumps({"python": platform.python_version(), "torch": str(torch.__version__), "pytest": pytest.__version__}))
"""


def interpreter(text: str) -> Path:
    """The interpreter that `env:` names: a path, a name on PATH, or the folder of a virtual environment.

    Links are not followed: by its path an interpreter knows its virtual environment.

    Raises:
        SideError: if there is none.
    """
    found = shutil.which(text) if os.sep not in text and not Path(text).is_dir() else text
    if found is None:
        raise SideError(f"env:{redact(text)}: there is no such command on PATH; name a path, or the folder of a venv")
    path = full_path(found, "env:")
    if path.is_dir():
        path = path / "bin" / "python"
    if not path.exists():
        raise SideError(f"env:{redact(text)}: {redact(str(path))} does not exist; make it with `python -m venv FOLDER`")
    if not path.is_file() or not os.access(path, os.X_OK):
        raise SideError(f"env:{redact(text)}: {redact(str(path))} is not an executable file; name an interpreter")
    return path


def versions(python: Path, tree: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Versions of Python, torch and pytest of an interpreter, which are thereby known to be there.

    Raises:
        SideError: if it cannot import them.
    """
    advice = f"`{redact(str(python))} -m pip install -e .`"
    done = _asked([str(python), "-c", CHECK], tree, environment, f"env:{redact(str(python))}")
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        return {name: str(found[name]) for name in ("python", "torch", "pytest")}
    except (IndexError, ValueError, KeyError, TypeError):
        last = _reason(done) or f"exit code {done.returncode}"
        raise SideError(f"env:{redact(str(python))}: cannot import pytest and torch: {last}; {advice}") from None


def help_of_suite(
    python: Path, tree: Path, environment: Mapping[str, str], title: str, options: Sequence[str] = ()
) -> str:
    """What `pytest benchmarks --help` prints in a tree: which options its suite knows. Those of the runs are tried.

    Raises:
        SideError: if pytest cannot load the suite, or refuses the options.
    """
    command = [str(python), "-m", "pytest", "benchmarks"]
    done = _asked([*command, *options, "--help"], tree, environment, title)
    if CASE in done.stdout and done.returncode == 0:
        words = [*options, *shlex.split(environment.get("PYTEST_ADDOPTS", ""))]
        if (name := unknown_option(words, done.stdout)) is not None:  # pytest helps all the same
            raise SideError(f"{title}: its pytest has no option {redact(name)}; options of the comparison precede `--`")
        return done.stdout
    if options:
        help_of_suite(python, tree, environment, title)
        raise SideError(f"{title}: its pytest refuses the options: {_reason(done) or f'exit code {done.returncode}'}")
    if done.returncode == 0:  # pytest helps also if it cannot load a conftest.py, and does not say why
        done = _asked([*command, "--collect-only", "--quiet"], tree, environment, title)
    cause = _reason(done) if done.returncode else f"it has no option {CASE}: is it a checkout of this project?"
    advice = "" if python == Path(sys.executable) else f"; `{redact(str(python))} -m pip install -e .`"
    raise SideError(f"{title}: pytest cannot load its suite: {cause or f'exit code {done.returncode}'}{advice}")


def _reason(done: subprocess.CompletedProcess[str]) -> str | None:
    return reason_in(f"{done.stdout}\n{done.stderr}")


def _asked(
    command: list[str], tree: Path, environment: Mapping[str, str], title: str
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,  # apart: a warning must not be taken for the answer
            encoding="utf-8",
            errors="replace",
            timeout=CHECK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SideError(f"{title}: {redact(command[0])} did not answer within {CHECK_SECONDS:.0f} s") from None
    except OSError as error:
        raise SideError(f"{title}: {redact(command[0])} cannot be started: {error.strerror}") from None
