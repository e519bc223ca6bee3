from __future__ import annotations

import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.controller.abort import AbortReader
from benchmarks.harness.controller.diagnosis import CAUSES, Evidence, Exits, cause_of_failure
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.exits import RankExit, write_rank_exits, write_rendezvous_error
from benchmarks.harness.protocol.records import Failure
from samples import rank_events


def cause(
    ranks: Sequence[RankEvents], run_folder: Path, exits: Exits, abort: AbortReader | None = None
) -> Failure | None:
    """Of the failure of a case, in which no process printed an exception unless `abort` has read one."""
    return cause_of_failure(ranks, run_folder, exits, abort or AbortReader())


def aborting(message: str) -> AbortReader:
    """What a process prints that an exception with this message ends."""
    reader = AbortReader()
    reader.read("terminate called after throwing an instance of 'c10::Error'")
    reader.read(f"  what():  {message}")
    return reader


def test_a_case_whose_ranks_ended_well_has_no_failure(tmp_path: Path) -> None:
    assert cause([rank_events(0, ended_well=True), rank_events(1, ended_well=True)], tmp_path, Exits()) is None


def test_the_failure_that_was_reported_first_is_the_cause(tmp_path: Path) -> None:
    first, second = Failure("data", "truncated", 1), Failure("exception", "connection closed", 0)
    exits = Exits([RankExit(0, 1, 20.0), RankExit(1, 1, 20.0)], 1)
    ranks = [rank_events(0, failure=second, failure_time=11.0), rank_events(1, failure=first, failure_time=10.0)]
    assert cause(ranks, tmp_path, exits) == first


def test_a_killed_rank_is_the_cause_though_another_noticed_first(tmp_path: Path) -> None:
    exits = Exits([RankExit(1, -signal.SIGKILL, 20.0), RankExit(0, 1, 19.0)], 1)
    noticed = Failure("exception", "connection closed by peer", 0)
    found = cause([rank_events(0, failure=noticed, failure_time=10.0), rank_events(1)], tmp_path, exits)
    assert found is not None
    assert (found.kind, found.rank) == ("killed", 1)
    assert "SIGKILL (often the system's out-of-memory killer)" in found.message


def test_a_rank_or_a_loader_that_is_killed_while_the_out_of_memory_killer_acts_has_no_memory(tmp_path: Path) -> None:
    exits = Exits([RankExit(0, -signal.SIGKILL, 20.0)], 0)
    found = cause_of_failure([rank_events(0)], tmp_path, exits, AbortReader(), oom_kills=1)
    assert found == Failure(
        "out_of_memory", "rank 0 was ended by the out-of-memory killer of the system, or of its control group", 0
    )
    text = "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed."
    ranks = [rank_events(0, failure=Failure("data", text, 0), failure_time=1.0)]
    for kills, kind in ((1, "out_of_memory"), (0, "data")):
        found = cause_of_failure(ranks, tmp_path, Exits([RankExit(0, 1, 2.0)]), AbortReader(), kills)
        assert found is not None
        assert (found.kind, found.rank) == (kind, 0)


def test_a_rank_that_libgomp_ends_for_want_of_a_thread_has_no_memory(tmp_path: Path) -> None:
    reader = AbortReader()
    reader.read("libgomp: Thread creation failed: Resource temporarily unavailable")
    found = cause([rank_events(0)], tmp_path, Exits([RankExit(0, 1, 10.0)]), reader)
    assert found is not None
    assert (found.kind, found.rank) == ("out_of_memory", 0)
    assert "libgomp: Thread creation failed: Resource temporarily unavailable: no memory for a thread" in found.message


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGABRT, 1.0), (signal.SIGKILL, 31.0)],
    ids=["NCCL aborts because others are missing", "the agent kills a rank that does not end"],
)
def test_a_signal_that_follows_from_a_reported_failure_is_not_the_cause(
    tmp_path: Path, number: signal.Signals, seconds: float
) -> None:
    reported = Failure("non_finite_loss", "loss is nan at step 4", 1)
    exits = Exits([RankExit(0, -number, 10.0 + seconds), RankExit(1, 1, 10.0)], 1)
    ranks = [rank_events(0), rank_events(1, failure=reported, failure_time=10.0)]
    assert cause(ranks, tmp_path, exits) == reported


def test_a_rank_that_aborts_without_a_report_is_killed(tmp_path: Path) -> None:
    exits = Exits([RankExit(0, -signal.SIGABRT, 10.0)], 1)
    found = cause([rank_events(0)], tmp_path, exits)
    assert found is not None
    assert (found.kind, found.rank) == ("killed", 0)


@pytest.mark.parametrize(
    ("message", "kind"),
    [("CUDA error: unknown error", "device"), ("std::bad_alloc", "out_of_memory"), ("map::at", "killed")],
)
def test_a_rank_that_aborts_without_a_report_is_explained_by_the_exception_that_it_printed(
    tmp_path: Path, message: str, kind: str
) -> None:
    exits = Exits([RankExit(1, -signal.SIGABRT, 10.0)], 1)
    found = cause([rank_events(0), rank_events(1)], tmp_path, exits, aborting(message))
    assert found is not None
    assert (found.kind, found.rank) == (kind, 1)
    assert found.message.startswith(f"rank 1 aborted: Error: {message}")


def test_a_rank_that_its_gpu_aborts_is_the_cause_though_another_misses_it(tmp_path: Path) -> None:
    missed = Failure("exception", "connection closed by peer", 0)
    exits = Exits([RankExit(0, 1, 9.0), RankExit(1, -signal.SIGABRT, 10.0)], 1)
    ranks = [rank_events(0, failure=missed, failure_time=9.0), rank_events(1)]
    found = cause(ranks, tmp_path, exits, aborting("CUDA error: unknown error"))
    assert found is not None
    assert (found.kind, found.rank) == ("device", 1)


@pytest.mark.parametrize("message", ["CUDA error: unknown error", "Watchdog caught collective operation timeout"])
def test_the_report_of_a_rank_says_more_than_its_abort(tmp_path: Path, message: str) -> None:
    reported = Failure("data", "img_3.jpg: cannot be decoded", 1)
    exits = Exits([RankExit(1, -signal.SIGABRT, 10.0)], 1)
    ranks = [rank_events(0), rank_events(1, failure=reported, failure_time=9.0)]
    assert cause(ranks, tmp_path, exits, aborting(message)) == reported


def test_a_rank_that_the_agent_ended_is_not_the_cause(tmp_path: Path) -> None:
    exits = Exits([RankExit(1, -signal.SIGTERM, 19.0)], 1)
    bug = Failure("exception", "a bug", 0)
    ranks = [rank_events(0, failure=bug, failure_time=10.0), rank_events(1)]
    assert cause(ranks, tmp_path, exits) == bug


@pytest.mark.parametrize(
    ("exit_code", "kind", "message"),
    [
        (-signal.SIGKILL, "killed", "the agent was killed by SIGKILL"),
        (1, "exception", "the agent ended with exit code 1"),
        (0, "exception", "rank 0 ended without a result"),
    ],
)
def test_no_failure_is_silent(tmp_path: Path, exit_code: int, kind: str, message: str) -> None:
    found = cause([rank_events(0)], tmp_path, Exits(agent=exit_code))
    assert found is not None
    assert found.kind == kind
    assert message in found.message


def test_a_rank_that_was_ended_from_outside_is_killed(tmp_path: Path) -> None:
    exits = Exits([RankExit(0, -signal.SIGTERM, 19.0)], 1)
    found = cause([rank_events(0)], tmp_path, exits)
    assert found == Failure("killed", "rank 0 was ended by SIGTERM", 0)


@pytest.mark.parametrize("exit_code", [-signal.SIGKILL, -signal.SIGTERM, 1, 7])
def test_a_rank_without_an_agent_that_ends_without_a_report_is_named_by_its_own_exit(
    tmp_path: Path, exit_code: int
) -> None:
    write_rank_exits(tmp_path, [RankExit(0, 99, 10.0)])  # nobody wrote this file
    exits = Exits.of(exit_code, tmp_path, has_agent=False)
    assert ([each.exit_code for each in exits.ranks], exits.agent) == ([exit_code], 0)
    found = cause([rank_events(0)], tmp_path, exits)
    assert found is not None
    assert (found.kind, found.rank) == ("exception" if exit_code > 0 else "killed", 0)
    assert "agent" not in found.message
    reported = Failure("data", "truncated", 0)
    if exit_code == 1:
        assert cause([rank_events(0, failure=reported, failure_time=1.0)], tmp_path, exits) == reported


def test_a_rank_without_an_agent_that_ended_well_has_no_failure(tmp_path: Path) -> None:
    exits = Exits.of(0, tmp_path, has_agent=False)
    assert cause([rank_events(0, ended_well=True)], tmp_path, exits) is None


def test_an_agent_leaves_the_exits_of_its_ranks(tmp_path: Path) -> None:
    write_rank_exits(tmp_path, [RankExit(1, 7, 10.0)])
    assert Exits.of(1, tmp_path, has_agent=True) == Exits([RankExit(1, 7, 10.0)], 1)


def test_an_exit_without_a_report_is_named_by_its_code(tmp_path: Path) -> None:
    exits = Exits([RankExit(0, 7, 19.0)], 1)
    found = cause([rank_events(0)], tmp_path, exits)
    assert found == Failure("exception", "rank 0 ended with exit code 7; see the train log", 0)


def test_nodes_that_did_not_meet_are_the_cause_of_everything_else(tmp_path: Path) -> None:
    write_rendezvous_error(tmp_path, "RendezvousTimeoutError: no node came\nmore")
    found = cause([rank_events(0)], tmp_path, Exits(agent=1))
    assert found == Failure("rendezvous", "the nodes did not meet: RendezvousTimeoutError: no node came")


# the table


REPORTED = Failure("data", "truncated", 0)
EVIDENCE: dict[str, dict[str, Any]] = {
    "rendezvous": {"rendezvous_error": "no route"},
    "aborted rank": {
        "exits": Exits([RankExit(1, -signal.SIGABRT, 10.0)], 1),
        "abort": aborting("CUDA error: unknown error"),
    },
    "killed rank": {"exits": Exits([RankExit(1, -signal.SIGKILL, 10.0)], 1)},
    "reported failure": {"ranks": [rank_events(0, failure=REPORTED, failure_time=10.0)]},
    "full run folder": {"run_folder": Path("/proc/nowhere/run"), "exits": Exits(agent=1)},
    "silent exit": {"exits": Exits([RankExit(1, 3, 10.0)], 1)},
    "agent": {"exits": Exits(agent=1)},
    "missing result": {},
}
"""What shows each cause, in the order of the table."""

MESSAGES = [
    "the nodes did not meet",
    "rank 1 aborted: Error: CUDA error: unknown error",
    "rank 1 was killed by SIGKILL",
    "truncated",
    "TMPDIR: /proc/nowhere cannot be written: No such file or directory",
    "rank 1 ended with exit code 3",
    "the agent ended with exit code 1",
    "rank 0 ended without a result",
]


def evidence(*names: str) -> Evidence:
    parts: dict[str, Any] = {"ranks": [rank_events(0)], "exits": Exits(), "rendezvous_error": None}
    parts |= {"run_folder": Path(tempfile.gettempdir()), "abort": AbortReader()}
    for name in reversed(names):
        parts |= EVIDENCE[name]
    return Evidence(**parts)


@pytest.mark.parametrize("index", range(len(CAUSES)))
def test_each_cause_is_found_by_its_own_evidence(index: int) -> None:
    found = CAUSES[index](evidence(list(EVIDENCE)[index]))
    assert found is not None
    assert MESSAGES[index] in found.message


@pytest.mark.parametrize("index", range(len(CAUSES)))
def test_a_cause_comes_before_those_that_follow_from_it(index: int) -> None:
    """With the evidence of this cause and of all later ones, this one is found."""
    whole = evidence(*list(EVIDENCE)[index:])
    found = next(failure for cause in CAUSES if (failure := cause(whole)) is not None)
    assert MESSAGES[index] in found.message


def test_without_evidence_there_is_no_cause() -> None:
    nothing = Evidence([rank_events(0, ended_well=True)], Exits(), None, Path("/proc/nowhere"), AbortReader())
    assert [cause(nothing) for cause in CAUSES] == [None] * len(CAUSES)
