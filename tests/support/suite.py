"""The suite as a user starts it: a real pytest in a process of its own, which knows the tests' small models."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]


@dataclass(frozen=True)
class Outcome:
    """Exit code of a command, and all that it printed."""

    code: int
    text: str


def suite_environment(**variables: str) -> dict[str, str]:
    """The environment in which the suite knows the tests' small models, and nothing of the pytest around it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**inherited, "PYTHONPATH": f"{SUPPORT}{os.pathsep}{ROOT}", "COLUMNS": "200", **variables}


def suite_command(*arguments: object) -> list[str]:
    """pytest without its cache, unless an argument names a folder for it (`cache_dir=`), and without the plugin of
    hypothesis, which users of the suite do not have: it takes a second to import.
    """
    given = list(map(str, arguments))
    cache = [] if any(argument.startswith("cache_dir=") for argument in given) else ["-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *cache, *given]


RunPytest = Callable[..., Outcome]
"""The fixture `run_pytest`."""
