"""Checkpoints of a training in progress; those of the authors' implementation are in psenet/test_official_weights."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from hostile_archives import STORED, Member, forged
from ocr_models import checkpoint
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


def repacked(path: Path, compression: int, structure: bytes | None = None, filler: bytes = b"") -> Path:
    """The checkpoint at `path` with its records packed anew; `structure` replaces the pickle, `filler` is appended."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in records.items():
            is_structure = name.endswith("data.pkl")
            archive.writestr(name, structure if is_structure and structure is not None else content + filler)
    return path


NESTED = b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b"."


@pytest.mark.parametrize("kind", ["compressed", "structure", "legacy structure", "overlapping", "directory"])
def test_a_file_that_would_take_much_more_memory_or_time_than_its_size_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_STRUCTURE_BYTES", 60_000)
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weight": torch.zeros(4)})
    if kind == "compressed":
        repacked(path, zipfile.ZIP_DEFLATED, filler=bytes(2**22))
    elif kind == "structure":
        repacked(path, zipfile.ZIP_STORED, NESTED)
    elif kind == "legacy structure":
        path.write_bytes(NESTED)
    elif kind == "overlapping":
        content = bytes(2**20)
        forged(
            path, [Member(b"a/data/%d" % number, content, STORED, content, shares=number > 0) for number in range(9)]
        )
    else:
        forged(path, [Member(b"%06d" % number * 1000) for number in range(2000)])
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is not a checkpoint that can be read safely"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [("fifo", "Not a regular file"), ("folder", "Is a directory"), ("long", "File name too long"), ("nul", "Invalid")],
)
def test_what_is_not_a_regular_file_is_an_os_error_at_once(kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / {"long": "x" * 5000, "nul": "a\0b"}.get(kind, "checkpoint.pt")
    {"fifo": os.mkfifo, "folder": os.mkdir}.get(kind, lambda _: None)(path)
    with pytest.raises(OSError, match=message) as caught:
        load_checkpoint(path)
    assert caught.value.filename == str(path)


def test_a_name_with_control_characters_is_shown_safely(tmp_path: Path) -> None:
    path = tmp_path / "new\nline\x1b[2J.pt"
    path.write_bytes(b"")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(caught.value).isprintable()
