"""The run folder: short enough for sockets, and removed whatever ends pytest."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.controller import run_folder
from benchmarks.harness.controller.run_folder import (
    MAX_TMPDIR_BYTES,
    SOCKET_NAME,
    TemporaryFolderError,
    remove_abandoned,
    unusable,
    write_error,
)
from suite import ROOT


def of_length(base: Path, length: int) -> Path:
    """A new folder whose path has this many bytes."""
    missing = length - len(str(base)) - 1
    folder = base / ("x" * missing)
    folder.mkdir()
    return folder


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder with a short path: pytest's own are long."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


@pytest.mark.parametrize("length", [40, 57, 58, 66, MAX_TMPDIR_BYTES])
def test_the_ranks_can_make_the_sockets_of_loader_processes(
    base: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(of_length(base, length)))
    with run_folder.run_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        name = f"{folder.tmpdir}{SOCKET_NAME}"
        Path(name).parent.mkdir()
        listener.bind(name)
        assert [path.name for path in folder.path.rglob("listener-*")] == [Path(name).name]
    assert not folder.path.exists()


def test_a_longer_tmpdir_is_refused_with_its_limit() -> None:
    assert unusable("/" + "x" * 74) is None
    assert "has 76 bytes, at most 75" in (unusable("/" + "x" * 75) or "")
    assert "has 76 bytes" in (unusable("/" + "ä" * 37 + "x") or "")
    assert unusable("/" + "x" * 75, loader_processes=False) is None
    assert (
        unusable("/\udcff", loader_processes=False)
        == r"TMPDIR: '/\udcff' is not valid UTF-8; set TMPDIR to another folder"
    )


HOLDER = """
import sys, tempfile, time
from benchmarks.harness.controller.run_folder import run_folder
tempfile.tempdir = sys.argv[1]
with run_folder() as folder:
    (folder.path / "left").touch()
    print(folder.path, flush=True)
    time.sleep(60)
"""


def test_the_folder_of_a_killed_pytest_is_removed_by_the_next_run_and_that_of_a_running_one_is_not(base: Path) -> None:
    foreign = base / f"{run_folder.PREFIX}file"
    foreign.touch()
    command = [sys.executable, "-c", HOLDER, str(base)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        path = Path(holder.stdout.readline().strip())
        remove_abandoned(base)
        assert (path / "left").exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert (path / "left").exists()
        remove_abandoned(base)
    assert [each.name for each in base.iterdir()] == [foreign.name]


def test_a_folder_of_the_user_with_such_a_name_is_left_alone(base: Path) -> None:
    """For example an output folder in TMPDIR."""
    for mode in (0o700, 0o755):
        folder = base / f"{run_folder.PREFIX}{mode}"
        folder.mkdir(mode)
        (folder / "history.jsonl").touch()
    remove_abandoned(base)
    assert len(list(base.glob("*/history.jsonl"))) == 2


def test_a_link_in_a_shared_folder_is_left_alone(base: Path) -> None:
    target = base / "precious"
    target.mkdir()
    (base / f"{run_folder.PREFIX}link").symlink_to(target)
    remove_abandoned(base)
    assert target.exists()


def test_a_new_folder_that_another_run_takes_for_an_abandoned_one_is_made_again(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    make, made = Path.mkdir, []

    def make_and_lose(path: Path, mode: int) -> None:
        made.append(path)
        make(path, mode)
        if len(made) == 1:
            remove_abandoned(base)

    monkeypatch.setattr(Path, "mkdir", make_and_lose)
    with run_folder.run_folder() as folder:
        assert folder.path.exists()
        assert len(made) == 2
        remove_abandoned(base)
        assert folder.path.exists()


def test_a_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(TemporaryFolderError, match=r"^TMPDIR: /proc/nowhere cannot be written: No such file"):
        run_folder.run_folder().__enter__()
    assert write_error(Path("/dev/full/run")) == "TMPDIR: /dev/full cannot be written: Not a directory"
