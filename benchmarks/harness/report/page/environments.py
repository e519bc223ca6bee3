"""Versions and hardware. Cases of one session share them, so each different environment is on the page once."""

from __future__ import annotations

import msgspec

from benchmarks.harness.protocol.reports import Environment
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.sections import Cell, Section, Table
from benchmarks.harness.results.artifact import MeasuredDetails
from benchmarks.harness.results.common import details_of


class Environments:
    """Those of the cases so far, numbered from 1."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, Environment]] = {}

    def add(self, case: ShownCase) -> Cell | None:
        """A link to the environment of a case; None if it did not reach its end."""
        details = details_of(case.artifact)
        if not isinstance(details, MeasuredDetails):
            return None
        # The revision of the suite is that of each run.
        environment = msgspec.structs.replace(details.environment, git_commit=None, git_dirty=None)
        key = details.device + msgspec.json.encode(environment).decode()
        self._found.setdefault(key, (details.device, environment))
        number = list(self._found).index(key) + 1
        return Cell(f"Environment {number}", link=f"environment-{number}")

    def sections(self) -> list[tuple[str, Section]]:
        """Anchor and section of each."""
        return [
            (f"environment-{number}", Section(f"Environment {number}", tables=[_table(device, found)]))
            for number, (device, found) in enumerate(self._found.values(), start=1)
        ]


def _table(device: str, environment: Environment) -> Table:
    rows = [("device", device)]
    for name, value in msgspec.structs.asdict(environment).items():
        if value is not None:
            text = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else None
            rows.append((name.replace("_", " "), text or (", ".join(value) if isinstance(value, list) else str(value))))
    return Table("Versions and hardware", ("", ""), rows)
