"""What the ranks of a case report differently of their devices, versions and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.results.redaction import redact

MAY_DIFFER = {"data.remarks"} | {
    f"environment.{name}"
    for name in (
        *("python", "torchvision", "numpy", "opencv", "driver"),
        *("system", "cpu", "cpu_capability", "cores", "allocator", "git_dirty"),
        *("nccl_settings", "fork_safe", "gpu_links", "gpu_peer_access", "numa_nodes", "numa_nodes_used"),
    )
}
"""Of ranks on different machines. It is recorded. A difference in anything else, such as the device, the version of
torch or of the suite, the precision or the data, means that the ranks do not train the same case, so the case fails.
"""

UNKNOWN = "null"


def rank_differences(results: Sequence[RankResult]) -> dict[str, list[str]]:
    """Field -> value of each rank, for the fields of `SharedReport` that are not the same on all ranks."""
    reports = [_flat(msgspec.to_builtins(result.report.shared)) for result in results]
    fields = dict.fromkeys(field for report in reports for field in report)  # ranks may exclude for other reasons
    values = {field: [report.get(field, UNKNOWN) for report in reports] for field in fields}
    return {redact(field): [*map(redact, each)] for field, each in values.items() if len(set(each)) > 1}


def mismatch_of(differences: Mapping[str, Sequence[str]]) -> str | None:
    """The first difference that makes a result wrong, one line; None if there is none."""
    for field, values in differences.items():
        if field == "environment.git_commit" and len(set(values) - {UNKNOWN}) < 2:
            continue  # a machine without git cannot say which commit it has
        if field not in MAY_DIFFER and len(set(values)) > 1:
            other = next(rank for rank, value in enumerate(values) if value != values[0])
            return f"{field} of rank {other} is {values[other]}, of rank 0 {values[0]}: all ranks must have the same"
    return None


def describe_mismatch(differences: Mapping[str, Sequence[str]]) -> list[str]:
    """That difference as a line for the gate."""
    mismatch = mismatch_of(differences)
    return [] if mismatch is None else [f"details.rank_differences: {mismatch}"]


def _flat(document: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """The leaves of nested fields: "environment.torch" -> text."""
    flat: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = UNKNOWN if value is None else str(value)
    return flat
