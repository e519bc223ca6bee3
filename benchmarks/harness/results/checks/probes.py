"""Whether what the ranks measured after the steps of a good speed case contradicts its case or itself. A light run has
none of it.
"""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.harness.results.checks.case import mismatch
from benchmarks.harness.results.checks.limits import limit_contradictions
from benchmarks.harness.results.checks.reference import graph_contradictions, reference_contradictions
from benchmarks.harness.results.speed_artifact import SpeedDetails
from benchmarks.harness.results.statistics import exposed_communication_fraction, total


def probe_contradictions(details: SpeedDetails, case: Case) -> list[str]:
    """Contradictions, a line each."""
    checks = (_reference_checks, _figures_of_the_ranks, _traced_synchronisations, _communication, limit_contradictions)
    return [line for check in checks for line in check(details, case)]


def _reference_checks(details: SpeedDetails, case: Case) -> list[str]:
    found = [f"details.reference_check: {line}" for line in reference_contradictions(details.reference_check, case)]
    if details.reference_check != details.ranks[0].probes.reference_check:
        found.append("details.reference_check: is not that of rank 0")
    for rank in details.ranks:
        check = rank.probes.reference_check
        lines = graph_contradictions(check, rank.probes.graph_check, case)
        if rank.rank > 0:
            lines += [f"reference_check: {line}" for line in reference_contradictions(check, case)]
        found += [f"details.ranks: rank {rank.rank}: {line}" for line in lines]
    return found


def _figures_of_the_ranks(details: SpeedDetails, _case: Case) -> list[str]:
    """What `results/speed.py` combines from the ranks."""
    probes = [rank.probes for rank in details.ranks]
    expected = {
        "matmul_tflops": sum(each.matmul_tflops for each in probes),
        "matmul_fraction": details.achieved_tflops / details.matmul_tflops,
        "loader_only_samples_per_second": sum(each.loader_only_samples_per_second for each in probes),
        "step_only_samples_per_second": len(probes) * min(each.step_only_samples_per_second for each in probes),
    }
    found = [line for field, value in expected.items() for line in mismatch(field, getattr(details, field), value)]
    if details.loader_profile != probes[0].loader_profile:
        found.append("details.loader_profile: is not that of rank 0")
    return found


def _traced_synchronisations(details: SpeedDetails, case: Case) -> list[str]:
    counts = {"details": details.traced_synchronisations}
    counts |= {f"details.ranks: rank {rank.rank}": rank.probes.traced_synchronisations for rank in details.ranks}
    allowed, shown = (0, "0 on a GPU") if case.device == "cuda" else (None, "null on the CPU")
    found = [
        f"{owner}: traced_synchronisations: {count}, but it must be {shown}"
        for owner, count in counts.items()
        if count not in (allowed, None)
    ]
    traced = total(rank.probes.traced_synchronisations for rank in details.ranks)
    return found + mismatch("traced_synchronisations", details.traced_synchronisations, traced)


def _communication(details: SpeedDetails, case: Case) -> list[str]:
    reports = [rank.probes.communication for rank in details.ranks]
    expected = exposed_communication_fraction(reports)
    found = mismatch("exposed_communication_fraction", details.exposed_communication_fraction, expected)
    for rank, report in enumerate(reports):
        if (report is None) != (case.mode == "sp"):
            found.append(f"details.ranks: rank {rank}: communication: null if and only if the case is sp")
        elif report is not None:
            exposed = max(0.0, report.step_seconds - report.local_step_seconds)
            name = f"ranks.{rank}.probes.communication.exposed_seconds"
            found += mismatch(name, report.exposed_seconds, exposed)
    return found
