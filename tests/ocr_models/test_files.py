"""Atomic writing of files, and reading of what may be no file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ocr_models.errors import DataError
from ocr_models.files import atomic_write, is_folder, is_regular_file, read_regular_file, write_text_atomically
from suite import ROOT


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_content_replaces_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"older and longer")
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"older and longer"
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["a.bin"]


def test_the_unfinished_file_is_hidden_and_in_the_same_folder(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.bin"):
        (name,) = names_in(tmp_path)
        assert name.startswith(".a.bin.")
        assert str(os.getpid()) in name


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_an_error_in_the_block_leaves_the_older_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"older")

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == b"older"
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(("owner", "function"), [(os, "fsync"), (Path, "replace")])
def test_an_error_of_the_disk_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, function: str
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"older")

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, function, no_space)
    with pytest.raises(OSError, match="No space left"), atomic_write(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"older"
    assert names_in(tmp_path) == ["a.bin"]


def test_an_error_names_the_file_and_not_the_hidden_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_write(tmp_path / "nowhere" / "a.bin"):
        pytest.fail("entered")
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{tmp_path / 'nowhere' / 'a.bin'}'"
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught_too, atomic_write(tmp_path / "folder"):
        pass
    assert caught_too.value.filename == str(tmp_path / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), atomic_write(tmp_path / "file" / "a.bin"):
        pytest.fail("entered")


def test_file_and_folder_are_on_the_disk_before_and_after_the_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    synced: list[tuple[bool, bool]] = []
    original = os.fsync

    def sync(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with atomic_write(path) as file:
        file.write(b"new")
    assert synced == [(False, False), (True, True)]


def test_a_folder_that_cannot_be_synchronised_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.fsync

    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")  # as some network file systems do
        original(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    write_text_atomically(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_permissions_are_those_of_a_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text_atomically(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_text_is_utf8_with_its_own_line_ends_and_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_text_atomically(path, "é\r\nb\n")
    assert path.read_bytes() == b"\xc3\xa9\r\nb\n"


def test_importing_the_module_imports_no_torch_or_numpy() -> None:
    program = (
        "import sys, ocr_models.files, ocr_models.errors; sys.exit(any(m in sys.modules for m in ('torch', 'numpy')))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_regular_file_is_read_whole_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 2**20)
    assert read_regular_file(path, 2**20) == b"x" * 2**20
    with pytest.raises(DataError, match=r"a\.bin: larger than 0 MiB"):
        read_regular_file(path, 2**20 - 1)


@pytest.mark.parametrize(
    "path", ["/dev/zero", "/dev/null", "/dev/stdin", "/", "nowhere", "a\0b", "x" * 5000, "a/" * 2500]
)
def test_what_is_no_regular_file_is_an_error_of_one_line(path: str) -> None:
    with pytest.raises(DataError, match=r": cannot be read: ") as caught:
        read_regular_file(path, 100)
    assert str(caught.value).isprintable()
    assert not is_regular_file(Path(path))
    assert is_folder(Path(path)) == (path == "/")
