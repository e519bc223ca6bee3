"""What a CI job asks after a run: is every artifact there, valid and without a failure?

    python -m benchmarks.gate logs/index
    python -m benchmarks.gate logs/index --expect psenet_sp_bs8_fp32_1 psenet_sp_bs16_fp32_1

Exit code 0: all good; 1: an artifact is flagged, invalid or missing, or there is none at all; 2: wrong use.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import CaseError, convergence_case, parse_case
from benchmarks.harness import artifact
from benchmarks.harness.failures import wrong_result

SCHEMA_BY_SUFFIX = {"_speed": "speed", "_convergence": "convergence"}
PICTURES = tuple(f"{suffix}.png" for suffix in SCHEMA_BY_SUFFIX)
HEADINGS = ("artifact", "result", "unit", "status", "what is wrong")
MOST_PROBLEMS = 3
ROUNDING = 1e-3  # of a result, to three decimals


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one artifact.

    Attributes:
        status: "ok", "failed" (the case was flagged), "invalid" or "missing".
        problems: a line each; empty where the status is ok.
    """

    name: str
    status: str
    problems: tuple[str, ...] = ()
    result: str = "-"
    unit: str = "-"

    @property
    def cells(self) -> tuple[str, ...]:
        more = len(self.problems) - MOST_PROBLEMS
        told = [*self.problems[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        return self.name, self.result, self.unit, self.status, "; ".join(told)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    verdicts = judge_folder(options.folder, options.expect)
    if not verdicts:
        print(f"{options.folder} holds no artifact: nothing was measured")
        return 1
    print(table([HEADINGS, *(verdict.cells for verdict in verdicts)]))
    good = sum(verdict.status == "ok" for verdict in verdicts)
    print(f"{good} of {len(verdicts)} good")
    return 0 if good == len(verdicts) else 1


def judge_folder(folder: Path, expected: Sequence[str] = ()) -> list[Verdict]:
    """A verdict on every file of the folder, by name, then on each expected artifact that is not there.

    Left out are hidden files, such as an artifact that is just being written, and the pictures beside artifacts.
    """
    names = sorted(
        path.name for path in folder.iterdir() if not path.name.startswith(".") and not path.name.endswith(PICTURES)
    )
    missing = [name for name in dict.fromkeys(expected) if name not in names]
    return [
        *(judge(folder / name) for name in names),
        *(Verdict(name, "missing", ("expected, but not there",)) for name in missing),
    ]


def judge(path: Path) -> Verdict:
    """A verdict on one file."""
    suffix = next((suffix for suffix in SCHEMA_BY_SUFFIX if path.name.endswith(suffix)), None)
    if suffix is None:
        problem = f"not the name of an artifact, which ends in {' or '.join(SCHEMA_BY_SUFFIX)}"
        return Verdict(path.name, "invalid", (problem,))
    try:
        document = artifact.read(path)
    except artifact.ArtifactError as error:
        return Verdict(path.name, "invalid", (str(error).removeprefix(f"{path.name}: "),))
    problems = artifact.problems(document, SCHEMA_BY_SUFFIX[suffix])
    if problems:
        return Verdict(path.name, "invalid", tuple(problems))
    result, unit = f"{document['FINAL_RESULT']:.3f}", document["UNIT"]
    misfits = _misfits(path.name.removesuffix(suffix), document)
    if misfits:
        return Verdict(path.name, "invalid", misfits, result, unit)
    if document["JOB_FAIL_FLAG"] != 0:
        return Verdict(path.name, "failed", (_cause(document["details"]["failure"]),), result, unit)
    return Verdict(path.name, "ok", (), result, unit)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in left-aligned columns, two blanks apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _misfits(stem: str, document: dict[str, Any]) -> tuple[str, ...]:
    """Where the file's name or a field says something else than the case that the artifact is of.

    An artifact made from a log bears any name.
    """
    if "case" not in document["details"]:
        return ()
    try:
        case = parse_case(document["details"]["case"])
    except CaseError as error:
        return (f"details.case: {error}",)
    told = [
        ("file name", stem, case.log_name),
        ("model_name", document["model_name"], case.model_name),
        ("run_mode", document["run_mode"], case.mode),
        ("gpu_num", document["gpu_num"], case.gpu_count),
    ]
    misfits = [f"{where}: {found}, but the case is {case}" for where, found, fitting in told if found != fitting]
    return (*misfits, *(_contradictions(document) if document["JOB_FAIL_FLAG"] == 0 else ()))


def _contradictions(document: dict[str, Any]) -> list[str]:
    """Where an artifact that says that all is well says otherwise, too: each field may fit its schema nevertheless."""
    details, found = document["details"], []
    if "convergence_key" in document:
        meant = document["convergence_value"]
        if meant != document["scores"][-1]["hmean"] or meant < details["target"]:
            found.append(f"convergence_value: {meant}, where the target is {details['target']}, and it is not flagged")
    else:
        meant = details["samples"] / details["window_seconds"]
        if wrong := wrong_result(details.get("fingerprint")):
            found.append(f"details.fingerprint: {wrong}")
    if abs(document["FINAL_RESULT"] - meant) > ROUNDING * (1 + meant):
        found.append(f"FINAL_RESULT: {document['FINAL_RESULT']}, but what it stands for is {meant:.3f}")
    return found


def _cause(failure: dict[str, Any]) -> str:
    where = "" if failure["rank"] is None else f" in rank {failure['rank']}"
    return f"{failure['kind']}{where}: {failure['message']}"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate",
        description="Check the artifacts of a run.",
        epilog="Exit code 0: all good; 1: an artifact is flagged, invalid or missing, or there is none; 2: wrong use.",
    )
    parser.add_argument("folder", metavar="DIR", type=_folder, help="where the artifacts are, for example logs/index")
    parser.add_argument(
        "--expect",
        metavar="CASE",
        nargs="+",
        action="extend",
        type=_artifact_name,
        default=[],
        help="cases whose artifact must be there, for example psenet_sp_bs8_fp32_1, or with _convergence behind it; "
        "may be repeated",
    )
    return parser.parse_args(arguments)


def _folder(text: str) -> Path:
    try:
        os.listdir(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return Path(text)


def _artifact_name(name: str) -> str:
    """Of the artifact that a case leaves: its speed JSON, or its convergence JSON where the name ends in that."""
    case_name = name.removesuffix("_convergence")
    try:
        case = parse_case(case_name)
    except CaseError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return case.artifact_name if case_name == name else convergence_case(case).artifact_name


if __name__ == "__main__":
    sys.exit(main())
