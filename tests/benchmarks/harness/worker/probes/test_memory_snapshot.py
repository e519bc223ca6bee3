"""A snapshot for memory_viz without paths of this machine. A real one is made in tests/nullcuda."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.worker.probes.memory_snapshot import MAX_ENTRIES, shown_file, snapshot, without_paths

STDLIB = sysconfig.get_paths()["stdlib"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/home/alice/venv/lib/python3.11/site-packages/torch/nn/modules/conv.py", "torch/nn/modules/conv.py"),
        ("/usr/lib/python3/dist-packages/numpy/core.py", "numpy/core.py"),
        (f"{ROOT}/.tox/lib/site-packages/torch/_tensor.py", "torch/_tensor.py"),
        (f"{ROOT}/ocr_models/task.py", "ocr_models/task.py"),
        (f"{STDLIB}/contextlib.py", "contextlib.py"),
        ("/home/alice/secret/model.py", "model.py"),
        ("/tmp/torchinductor_alice/xy/cxyz.py", "cxyz.py"),
        ("<eval_with_key>.5", "<eval_with_key>.5"),
        ("??", "??"),
        ("", ""),
    ],
)
def test_a_file_is_shown_relative_to_what_everybody_has(name: str, expected: str) -> None:
    assert shown_file(name) == expected


def test_every_stack_is_changed_and_equal_ones_stay_one_object() -> None:
    frames = [{"name": "forward", "filename": "/home/alice/model.py", "line": 5, "fx_original_trace": "/home/alice"}]
    recorded: dict[str, Any] = {
        "segments": [{"frames": frames, "blocks": [{"frames": frames}, {"history": [{"frames": frames}]}]}],
        "device_traces": [[{"action": "alloc", "frames": frames, "user_metadata": "alice"}], []],
    }
    without_paths(recorded)
    assert "alice" not in str(recorded)
    assert recorded["device_traces"][0][0]["frames"] is recorded["segments"][0]["frames"]
    assert frames == [{"name": "forward", "filename": "model.py", "line": 5}]


@pytest.mark.parametrize("failing", ["_record_memory_history", "_snapshot"])
def test_a_snapshot_that_fails_is_named_and_its_steps_are_taken(
    failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[Any] = []

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"no {failing}\nmore")

    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", lambda *given, **_: calls.append(given[0]))
    monkeypatch.setattr(torch.cuda.memory, failing, fail)
    found = snapshot(tmp_path / "x.snapshot.pickle", lambda: calls.append("step"))
    assert found == (None, f"it cannot be written: RuntimeError: no {failing}")
    assert [each for each in calls if each == "step"] == ["step", "step"]
    assert not list(tmp_path.iterdir())


def test_a_snapshot_is_bounded_and_a_full_disk_does_not_fail_the_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", lambda *_, **options: given.update(options))
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: {"segments": [], "device_traces": [[]], "more": "x"})
    found, note = snapshot(tmp_path / "gone" / "x.pickle", lambda: None)
    assert given["max_entries"] == MAX_ENTRIES
    assert (found, note) == (
        None,
        f"it cannot be written: FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/gone/x.pickle'",
    )
    found, note = snapshot(tmp_path / "x.pickle", lambda: None)
    assert note is None
    assert found is not None
    assert (found.file, found.entries, found.bytes) == ("x.pickle", 0, (tmp_path / "x.pickle").stat().st_size)
