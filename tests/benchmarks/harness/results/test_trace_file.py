"""A trace for others: whole, compressed, and without private data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.harness.results.trace_file import keep_trace

EVENTS = [
    {"ph": "X", "name": "aten::mm", "ts": 1.5, "dur": 2, "args": {"Input Dims": [[2, 3], [3, 4]], "stream": 7}},
    {"ph": "X", "name": "triton_/home/alice/kernels.py", "args": {"Collective name": ["ssh bob@10.1.2.3"]}},
    {"ph": "M", "name": "process_name", "args": {"name": "/home/alice/venv/bin/python"}},
]


def test_a_kept_trace_is_whole_but_for_private_data(tmp_path: Path) -> None:
    left, kept = tmp_path / "trace.json", tmp_path / "index" / "case_profile.trace.json.gz"
    left.write_text(json.dumps({"schemaVersion": 1, "traceEvents": EVENTS}))
    keep_trace(left, kept)
    text = gzip.decompress(kept.read_bytes()).decode()
    assert not any(name in text for name in ("alice", "bob", "10.1.2.3"))
    found = json.loads(text)
    assert found["traceEvents"][0] == EVENTS[0]
    assert len(found["traceEvents"]) == 3
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_trace_that_no_rank_has_left_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        keep_trace(tmp_path / "trace.json", tmp_path / "x.trace.json.gz")
    assert list(tmp_path.iterdir()) == []
