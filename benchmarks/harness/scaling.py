"""How much of the ideal several processes reach, where the single-process case has been measured beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.harness import artifact

SAME = ("image_size", "compile", "device", "data_kind", "data_cache", "data")
"""Details that must agree between a case and its baseline; of the environment all but the state of the checkout."""


def scaling(case: Case, samples_per_second: float, details: dict[str, Any], index: Path) -> dict[str, Any] | None:
    """Throughput over the ideal: the single-process case's of the same batch per process, times the GPUs.

    On the CPU, where the processes share the cores that the single process had, the ideal is that case's throughput.
    None for a single process, and where the folder `index` holds no good result of it in the same environment.
    """
    if case.mode == "sp":
        return None
    baseline = replace(case, mode="sp", batch_size=case.batch_size_per_process, processes=1)
    try:
        document = artifact.read(index / baseline.artifact_name)
    except artifact.ArtifactError:
        return None
    good = not artifact.problems(document) and not document["JOB_FAIL_FLAG"] and document["details"]["source"] == "run"
    if not good or not _comparable(details, document["details"]):
        return None
    ideal = document["FINAL_RESULT"] * max(1, case.gpu_count)
    return {"baseline": str(baseline), "efficiency": samples_per_second / ideal}


def _comparable(details: dict[str, Any], other: dict[str, Any]) -> bool:
    ours, theirs = ({**each["environment"], "git_dirty": None, "git_commit": None} for each in (details, other))
    return ours == theirs and all(details[name] == other[name] for name in SAME)
