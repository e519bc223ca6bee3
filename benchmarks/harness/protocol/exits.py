"""What the agent leaves in the run folder if a case fails: exit codes of the ranks, or why the nodes did not meet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct


class RankExit(Struct, frozen=True):
    """A rank that did not end well.

    Attributes:
        exit_code: -N if it was ended by signal N.
        time: at which the agent saw it, in seconds of `time.monotonic`.
    """

    rank: int
    exit_code: int
    time: float


def write_rank_exits(run_folder: Path, exits: Sequence[RankExit]) -> None:
    """For `read_rank_exits`."""
    (run_folder / "agent.json").write_bytes(msgspec.json.encode(exits))


def read_rank_exits(run_folder: Path) -> list[RankExit]:
    """The first failure first; empty if the agent wrote none."""
    try:
        exits = msgspec.json.decode((run_folder / "agent.json").read_bytes(), type=list[RankExit])
    except (OSError, msgspec.DecodeError):
        return []
    return sorted(exits, key=lambda each: each.time)  # stable: the agent lists those it saw first first


def write_rendezvous_error(run_folder: Path, message: str) -> None:
    """For `read_rendezvous_error`."""
    (run_folder / "rendezvous.txt").write_text(message, encoding="utf-8")


def read_rendezvous_error(run_folder: Path) -> str | None:
    """First line of the reason why the nodes did not meet; None if they met."""
    try:
        lines = (run_folder / "rendezvous.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return lines[0] if lines else "no reason given"
