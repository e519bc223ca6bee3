"""The environment of the processes of a side."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks.compare.sides.git import without_git
from benchmarks.compare.sides.side import Side
from benchmarks.compare.sides.side_options import without_comparison_options
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE

OF_OUTER_PYTEST = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_", "COV_CORE_", "COVERAGE_", TOKEN_VARIABLE)
"""Beginnings of the variables that a pytest, coverage or case around the comparison sets for its own processes."""

OF_PYTHON = ("PYTHONHOME", "PYTHONSAFEPATH")
"""The first belongs to another interpreter, the second leaves out the folder in which a module is started."""

COLUMNS = "400"
"""Pytest shortens its summary, and the cause in it, to the width of the terminal."""


def environment_of(side: Side, tree: Path, outer: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of this process with the variables of the side. Packages of the tree are found before all others."""
    inherited = without_git(dict(os.environ if outer is None else outer))
    kept = {name: value for name, value in inherited.items() if not name.startswith(OF_OUTER_PYTEST)}
    kept = {name: value for name, value in kept.items() if name not in OF_PYTHON} | {"COLUMNS": COLUMNS}
    kept.update(side.environ)
    if "PYTEST_ADDOPTS" in kept:
        kept["PYTEST_ADDOPTS"] = without_comparison_options(kept["PYTEST_ADDOPTS"])
    paths = [str(tree), *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}
