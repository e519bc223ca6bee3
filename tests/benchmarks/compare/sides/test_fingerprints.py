"""What counts as a change of a tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides import fingerprints
from benchmarks.compare.sides import git as git_of_sides
from benchmarks.compare.sides.fingerprints import check_output, fingerprint, latest_change
from small_suite import commit, git, make_suite

RATE = Path("benchmarks", "rate.py")

CHANGES: dict[str, Callable[[Path], object]] = {
    "a changed file": lambda tree: (tree / RATE).write_text("RATE = 9\n"),
    "a removed file": lambda tree: (tree / RATE).unlink(),
    "a new file": lambda tree: (tree / "benchmarks" / "new.py").touch(),
    "a new folder": lambda tree: make_suite(tree / "more"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("with_git", [True, False])
def test_a_change_changes_the_fingerprint(checkout: Path, tmp_path: Path, name: str, with_git: bool) -> None:
    tree = checkout if with_git else make_suite(tmp_path / "plain")
    before = fingerprint(tree)
    assert fingerprint(tree) == before
    CHANGES[name](tree)
    changed = fingerprint(tree)
    assert changed != before
    assert fingerprint(tree) == changed


@pytest.mark.parametrize("with_git", [True, False])
def test_the_file_that_was_changed_last_is_named(checkout: Path, tmp_path: Path, with_git: bool) -> None:
    tree = checkout if with_git else make_suite(tmp_path / "plain")
    for second, path in enumerate((tree / "new.py", tree / RATE, tree / "output" / "b.py")):
        path.parent.mkdir(exist_ok=True)
        path.write_text("changed = 1\n")
        os.utime(path, (4e9 + second, 4e9 + second))
    assert latest_change(tree, [tree / "output"]) == str(RATE)


def test_a_removed_file_is_named_alone(checkout: Path) -> None:
    assert latest_change(checkout) == ""
    (checkout / RATE).unlink()
    assert latest_change(checkout) == str(RATE)
    (checkout / "new.py").touch()
    assert latest_change(checkout) == "new.py"


def test_the_content_of_a_new_file_counts_and_so_do_a_commit_and_the_mode(checkout: Path) -> None:
    new = checkout / "new.bin"
    seen = {fingerprint(checkout)}
    new.write_bytes(b"one")
    seen.add(fingerprint(checkout))
    new.write_bytes(b"two")
    seen.add(fingerprint(checkout))
    git(checkout, "add", "new.bin")
    commit(checkout)
    seen.add(fingerprint(checkout))
    new.chmod(0o755)
    seen.add(fingerprint(checkout))
    new.unlink()
    new.symlink_to("nowhere")
    seen.add(fingerprint(checkout))
    assert len(seen) == 6


def test_staging_and_touching_a_file_is_no_change(checkout: Path) -> None:
    (checkout / RATE).write_text("RATE = 9\n")
    before = fingerprint(checkout)
    git(checkout, "add", str(RATE))
    os.utime(checkout / RATE, (1, 1))
    assert fingerprint(checkout) == before


def test_what_a_run_writes_is_no_change(checkout: Path, tmp_path: Path) -> None:
    plain = make_suite(tmp_path / "plain")
    for tree in (checkout, plain):
        output = tree / "output [1]"
        before = fingerprint(tree, [output, tmp_path / "elsewhere"])
        for folder in (tree / "logs", tree / "benchmarks" / "__pycache__", output):
            folder.mkdir()
            (folder / "a.py").touch()
        assert fingerprint(tree, [output, tmp_path / "elsewhere"]) == before
        assert fingerprint(tree) != before


def test_a_folder_below_another_checkout_is_known_by_its_files(checkout: Path) -> None:
    """That checkout may ignore it."""
    copy = make_suite(checkout / "logs" / "copy")
    before = fingerprint(copy)
    (copy / RATE).write_text("RATE = 9\n")
    assert fingerprint(copy) != before


@pytest.mark.parametrize(("name", "large"), [("large.py", 3), ("image.jpg", fingerprints.LARGE_BYTES)])
def test_new_files_that_are_large_or_no_code_are_not_read(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, name: str, large: int
) -> None:
    monkeypatch.setattr(fingerprints, "LARGE_BYTES", large)
    new = checkout / name
    new.write_text("123")
    os.utime(new, (1, 1))
    before = fingerprint(checkout)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read"))
    assert fingerprint(checkout) == before
    os.utime(new, (2, 2))
    assert fingerprint(checkout) != before


def test_a_git_that_fails_is_not_taken_for_a_tree_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_of_sides, "TIMEOUT_SECONDS", 0.0)
    with pytest.raises(SideError, match=r"/checkout: git cannot say what changed: git rev-parse did not end within 0"):
        fingerprint(checkout)


def test_a_change_of_a_committed_file_below_the_output_is_a_change(checkout: Path) -> None:
    before = fingerprint(checkout, [checkout / "benchmarks"])
    (checkout / RATE).write_text("RATE = 9\n")
    assert fingerprint(checkout, [checkout / "benchmarks"]) != before


def test_an_output_that_holds_the_tree_or_files_of_it_is_refused(checkout: Path, tmp_path: Path) -> None:
    for output in (checkout / "new", tmp_path, tmp_path / "elsewhere"):
        check_output(checkout, output)
    with pytest.raises(SideError, match=r"--output: .*/checkout is the tree that is measured; give another folder"):
        check_output(checkout, checkout)
    with pytest.raises(
        SideError, match=r"/benchmarks has files of the checkout, such as benchmarks/__init__\.py; give"
    ):
        check_output(checkout, checkout / "benchmarks")


def test_a_checkout_without_a_commit_is_explained(tmp_path: Path) -> None:
    tree = make_suite(tmp_path / "new")
    git(tree, "init", "--quiet")
    with pytest.raises(SideError, match=r"/new: git cannot say what changed: "):
        fingerprint(tree)
