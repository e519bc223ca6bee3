"""What report.html costs for many cases: `python -m benchmarks.components.page_cost logs`.

The artifacts of a folder are copied under other names until there are as many as asked for, and the step records are
repeated. Then the page is written as a session does at its end, in this process, and as the command does.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.report.page.folder import ShownCase, read_folder
from benchmarks.harness.report.page.writing import REPORT

ONE_WRITE = """
import sys, time
from pathlib import Path
start = time.perf_counter()
from benchmarks.harness.report.page.writing import page_line
line = page_line(Path(sys.argv[1]), Path.cwd())
print(time.perf_counter() - start)
assert line.startswith("page: "), line
assert "torch" not in sys.modules
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code: 1 if the folder has no artifact."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.components.page_cost", description=__doc__)
    parser.add_argument("folder", type=Path, help="an output folder with artifacts, for example logs")
    parser.add_argument("--cases", type=int, nargs="+", default=[10, 200], help="numbers of artifacts (10 200)")
    parser.add_argument("--steps", type=int, default=120, help="step records of each rank (120)")
    parser.add_argument("--repetitions", type=int, default=3, help="of which the fastest is shown (3)")
    options = parser.parse_args(arguments)
    cases = read_folder(options.folder).cases
    if not cases:
        print(f"{options.folder} has no artifact")
        return 1
    for count in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                copy(cases[number % len(cases)], Path(folder), number, options.steps)
            at_end = min(_seconds_at_end(Path(folder)) for _ in range(options.repetitions))
            command = min(_seconds_of_command(Path(folder)) for _ in range(options.repetitions))
            size = (Path(folder) / REPORT).stat().st_size
        print(
            f"{count} cases: {size / 1e6:.2f} MB, {at_end:.2f} s at the end of a session, {command:.2f} s as a command"
        )
    return 0


def copy(case: ShownCase, folder: Path, number: int, steps: int) -> None:
    """An artifact with its step records and log under the name of another batch size."""

    def renamed(name: str) -> str:
        return re.sub(r"_bs(\d+)_", lambda found: f"_bs{int(found[1]) * (number + 1)}_", name)

    document = json.loads(case.path.read_text(encoding="utf-8"))
    document["log_file"] = renamed(document["log_file"])
    if "case" in document["details"]:
        document["details"]["case"] = renamed(document["details"]["case"])
    (folder / "index").mkdir(exist_ok=True)
    (folder / "train_log").mkdir(exist_ok=True)
    (folder / "index" / renamed(case.path.name)).write_text(json.dumps(document), encoding="utf-8")
    log = folder / "train_log" / renamed(case.train_log.name)
    if case.train_log.is_file():
        log.write_bytes(case.train_log.read_bytes())
    records = case.train_log.with_name(f"{case.train_log.name}.steps.jsonl")
    if records.is_file():
        log.with_name(f"{log.name}.steps.jsonl").write_text(repeated(records.read_text(encoding="utf-8"), steps))


def repeated(text: str, steps: int) -> str:
    """Step records of each rank, repeated until there are `steps`. The seconds differ, as real ones do."""
    of_rank: dict[int, list[dict[str, object]]] = {}
    for line in text.splitlines():
        record = json.loads(line)
        of_rank.setdefault(record["rank"], []).append(record)
    found = []
    for records in of_rank.values():
        for index in range(steps):
            record = records[index] if index < len(records) else records[-1 - index % max(1, len(records) // 2)]
            seconds = float(str(record["wall_seconds"])) * (1 + index * 37 % 100 / 1000)
            found.append(json.dumps(record | {"index": index + 1, "wall_seconds": seconds}))
    return "\n".join(found) + "\n"


def _seconds_at_end(folder: Path) -> float:
    """In a process that has imported what a pytest process has imported by then."""
    start = [sys.executable, "-c", f"import benchmarks.harness.controller.session\n{ONE_WRITE}", str(folder)]
    return float(subprocess.run(start, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def _seconds_of_command(folder: Path) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.report", str(folder)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
