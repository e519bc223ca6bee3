"""What the agent leaves behind if a case fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.protocol.exits import (
    RankExit,
    read_rank_exits,
    read_rendezvous_error,
    write_rank_exits,
    write_rendezvous_error,
)


def test_exits_are_read_in_the_order_in_which_the_agent_saw_them(tmp_path: Path) -> None:
    write_rank_exits(tmp_path, [RankExit(0, 1, 20.0), RankExit(1, -9, 19.0)])
    assert read_rank_exits(tmp_path) == [RankExit(1, -9, 19.0), RankExit(0, 1, 20.0)]


def test_without_a_file_there_are_no_exits(tmp_path: Path) -> None:
    assert read_rank_exits(tmp_path) == []


def test_a_file_that_the_agent_did_not_finish_is_ignored(tmp_path: Path) -> None:
    write_rank_exits(tmp_path, [RankExit(0, 1, 20.0)])
    path = tmp_path / "agent.json"
    path.write_bytes(path.read_bytes()[:-3])
    assert read_rank_exits(tmp_path) == []


@pytest.mark.parametrize(("message", "expected"), [("no route\nmore", "no route"), ("", "no reason given")])
def test_the_reason_why_the_nodes_did_not_meet_is_one_line(tmp_path: Path, message: str, expected: str) -> None:
    assert read_rendezvous_error(tmp_path) is None
    write_rendezvous_error(tmp_path, message)
    assert read_rendezvous_error(tmp_path) == expected
