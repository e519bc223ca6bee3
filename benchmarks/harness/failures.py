"""From what the processes of a case left behind to the one cause of its failure."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.events import RankEvents
from benchmarks.harness.records import Failure, RankResult

# When one rank dies the others fail in the collective that waits for it: a consequence, not the cause.
# NCCL then aborts its process, and the agent kills what does not end in time: neither outranks what was told before.
_SIGNALS_OF_THE_AGENT = (signal.SIGTERM,)
LATE_SECONDS = 25.0  # the agent waits for 30


def cause_of_failure(ranks: Sequence[RankEvents], run_folder: Path, exit_code: int) -> Failure | None:
    """Why the processes failed: a rank killed by a signal, else the first exception; None where all ended well."""
    unmet = run_folder / "rendezvous.txt"
    if unmet.exists():
        return Failure("rendezvous", f"the nodes did not meet: {unmet.read_text(encoding='utf-8').splitlines()[0]}")
    exits = _exit_codes(run_folder)
    failed = sorted((events for events in ranks if events.failure is not None), key=lambda events: events.failure_time)
    for rank, code, at in exits:
        is_consequence = bool(failed) and (-code == signal.SIGABRT or at > failed[0].failure_time + LATE_SECONDS)
        if code < 0 and -code not in _SIGNALS_OF_THE_AGENT and not is_consequence:
            return Failure("killed", f"rank {rank} was killed by {_signal_name(-code)}", rank)
    if failed:
        return failed[0].failure
    if exits:
        rank, code, _ = exits[0]
        if code < 0:
            return Failure("killed", f"rank {rank} was ended by {_signal_name(-code)}", rank)
        return Failure("exception", f"rank {rank} ended with exit code {code}; the train log says more", rank)
    if exit_code < 0:
        return Failure("killed", f"the launcher of the ranks was killed by {_signal_name(-exit_code)}")
    if exit_code > 0:
        return Failure("exception", f"the launcher of the ranks ended with exit code {exit_code}; see the train log")
    silent = [events.rank for events in ranks if not events.results]
    if silent:
        return Failure("exception", f"rank {silent[0]} ended without a result; see the train log", silent[0])
    return None


def disagreement(results: Sequence[RankResult]) -> Failure | None:
    """Whether finished ranks contradict one another, or themselves."""
    first = results[0]
    for other in results[1:]:
        if len(other.measured) != len(first.measured):
            message = f"rank {other.rank} measured {len(other.measured)} steps, rank 0 {len(first.measured)}"
            return Failure("rank_mismatch", message, other.rank)
        if other.report["parameters_sha256"] != first.report["parameters_sha256"]:
            message = f"after the window the parameters of rank {other.rank} are not those of rank 0"
            return Failure("rank_mismatch", message, other.rank)
    for result in results:
        losses = [record.losses["loss"] for record in result.records]
        if len(losses) > 1 and math.isclose(min(losses), max(losses), rel_tol=0, abs_tol=0):
            message = f"the loss is {losses[0]:g} at every step: nothing is being trained, or no sample holds any text"
            return Failure("constant_loss", message, result.rank)
        if wrong := wrong_result(result.report.get("fingerprint")):
            return Failure("wrong_result", wrong, result.rank)
    return None


def wrong_result(found: Mapping[str, Any] | None) -> str | None:
    """What a fingerprint shows to be wrong, in one line; None where all is well, or where there is none."""
    if found is None:
        return None
    figures, expected = found["figures"], found["reference"]
    step = "a step on fixed weights and images"
    if figures["parameters"] != expected["parameters"]:
        counts = f"{figures['parameters']} of {expected['parameters']} parameters"
        return f"in {step} {counts} get a gradient: a part of the model is not trained"
    for name, apart in found["deviation"].items():
        limit = found["tolerance"].get(name, found["tolerance"]["loss"])
        if not apart <= limit:
            values = f"{figures[name]:.6g} instead of {expected[name]:.6g}"
            return f"the {name} of {step} is {values}: {apart:.1%} off, where {limit:.1%} may be"
    return None


def _exit_codes(run_folder: Path) -> list[tuple[int, int, float]]:
    """(rank, exit code, time) of the ranks the agent saw fail, the first failure first."""
    try:
        failures = json.loads((run_folder / "agent.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    ordered = sorted(failures, key=lambda failure: failure["time"])
    return [(failure["rank"], failure["exit_code"], failure["time"]) for failure in ordered]


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (often the system's out-of-memory killer)" if number == signal.SIGKILL else name
