"""The suite as a user starts it: a real pytest in a process of its own, which knows the tests' small model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUPPORT = Path(__file__).parent / "support"


@dataclass(frozen=True)
class Outcome:
    """What a command came to: its exit code and all that it printed."""

    code: int
    text: str


def suite_environment(**variables: str) -> dict[str, str]:
    """The environment in which the suite knows the tests' small model."""
    return {**os.environ, "PYTHONPATH": f"{SUPPORT}{os.pathsep}{ROOT}", "COLUMNS": "200", **variables}


def suite_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]


RunPytest = Callable[..., Outcome]
"""The fixture `run_pytest`."""
