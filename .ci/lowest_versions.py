"""Write the lowest version of each dependency that pyproject.toml allows: `python .ci/lowest_versions.py FILE`.

FILE is a requirements file for pip. The bounds are read from the installed project.
"""

from __future__ import annotations

import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = "ocr-training-benchmarks"


def lowest(requirement: Requirement) -> str:
    """The requirement with its lower bound as the only version."""
    bounds = [part.version for part in requirement.specifier if part.operator == ">="]
    if len(bounds) != 1:
        raise SystemExit(f"pyproject.toml: {requirement}: give exactly one lower bound with >=")
    return f"{requirement.name}=={bounds[0]}"


def main() -> None:
    """Take the dependencies of the project and of its tests, not of its other tools."""
    requirements = [Requirement(line) for line in requires(PROJECT) or ()]
    needed = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": "test"})]
    Path(sys.argv[1]).write_text("\n".join(map(lowest, needed)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
