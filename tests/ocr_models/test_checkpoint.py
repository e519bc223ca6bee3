"""Checkpoints of a training in progress; those of the authors' implementation are in psenet/test_official_weights."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from ocr_models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint


def test_saved_content_is_read_back(tmp_path: Path) -> None:
    content = {"weight": torch.arange(6.0), "progress": {"step": 3, "losses": [{"loss": 0.25}]}, "name": "psenet"}
    save_checkpoint(tmp_path / "checkpoint.pt", content)
    found = load_checkpoint(tmp_path / "checkpoint.pt")
    assert torch.equal(found.pop("weight"), torch.arange(6.0))
    assert found == {"progress": {"step": 3, "losses": [{"loss": 0.25}]}, "name": "psenet"}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_an_older_checkpoint_stays_whole_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("content", [b"", b"half a fi", pickle.dumps({"step": os.getcwd})])
def test_what_cannot_be_read_safely_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is not a checkpoint that can be read safely") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's advice to switch it off is left out


def test_a_full_disk_is_an_os_error_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(content: object, file: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc] unexpected pos 64 vs 0\nmore lines of torch")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match=r"checkpoint\.pt: \[enforce fail at inline_container\.cc\] [^\n]*$"):
        save_checkpoint(tmp_path / "checkpoint.pt", {"step": 1})
    assert list(tmp_path.iterdir()) == []
