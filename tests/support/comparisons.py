"""Made-up comparison documents, and the artifacts of their runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from benchmarks.compare.document import (
    CaseComparison,
    Comparison,
    ProcedureParameters,
    RunFigures,
    SideDescription,
    Verdict,
)
from benchmarks.compare.runs.figures import pair, run_figures
from samples import SPEED_CASE, document, speed_artifact

OPTIONS = ["--ocr-seed", "0", "--ocr-steps", "10", "--ocr-warmup", "2"]
MACHINE = {"device": "cpu", "cpu": "1", "cores": "2", "memory": "16 GiB"}
NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def write_run(folder: Path, name: str, changes: Mapping[str, Any] | None = None, case: str = SPEED_CASE) -> RunFigures:
    """The artifact of a run below a folder, and its figures."""
    path = folder / name / "index" / "a_speed"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(speed_artifact(case), changes)))
    return run_figures(path, artifact=str(path.relative_to(folder)))


def side_description(**changed: Any) -> SideDescription:
    good = SideDescription(
        given=["rev:main"],
        kind="revision",
        title="main (3f2a91c)",
        commit="3f2a91c" + "0" * 33,
        fingerprint=None,
        python="python",
        options=[],
        environ=[],
        light=True,
        stored_runs=0,
        versions={},
    )
    return structs.replace(good, **changed)


def comparison(
    bases: Sequence[RunFigures | None], heads: Sequence[RunFigures | None], case: str = SPEED_CASE, **changed: Any
) -> Comparison:
    """Of one case, with a pair for each run."""
    pairs = [
        pair(number, 1, head_first=False, base=base, head=head)
        for number, (base, head) in enumerate(zip(bases, heads, strict=True), start=1)
    ]
    verdict = Verdict(word="cannot tell", rests_on=[], wall=None, cpu=None, pairs_needed=None, sentence="not decided")
    compared = CaseComparison(
        base_case=case,
        head_case=case,
        alpha=0.05,
        pairs=pairs,
        verdict=verdict,
        finished=False,
        stopped_by="interrupted",
        differences=[],
        training_changes=[],
        remarks=[],
    )
    good = Comparison(
        schema_version=1,
        suite_version="1",
        name="a",
        started_at=NOW,
        updated_at=NOW,
        measuring_seconds=1.0,
        finished=False,
        base=side_description(),
        head=side_description(given=["."], kind="working_tree", title="working tree (1234567)"),
        procedure=ProcedureParameters(
            allowed_slowdown=0.03,
            alpha=0.05,
            looks=[5, 8, 12],
            max_pairs=12,
            budget_minutes=None,
            max_attempts=3,
            max_repeats=6,
            seed=1,
            stored_drift=0.05,
            common_options=OPTIONS,
        ),
        machine=MACHINE,
        cases=[compared],
    )
    return structs.replace(good, **changed)


def write_comparison(path: Path, content: Comparison) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(content))
    return path
