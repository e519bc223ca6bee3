"""Revisions as folders: made, removed, and of killed comparisons found again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.worktrees import resolved, worktree
from small_suite import commit, git, make_suite
from suite import ROOT
from waiting import until


class KilledError(Exception):
    """Stands for SIGKILL."""


def worktrees(checkout: Path) -> list[str]:
    """As git lists them, the checkout first."""
    lines = git(checkout, "worktree", "list", "--porcelain").splitlines()
    return [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")]


def state(checkout: Path) -> list[str]:
    """All that a comparison must leave as it is."""
    commands = [["status", "--porcelain"], ["stash", "list"], ["branch", "-a", "-v"], ["diff"], ["diff", "--cached"]]
    return [git(checkout, *each) for each in [*commands, ["worktree", "list"], ["rev-parse", "HEAD"]]]


def test_a_revision_is_a_folder_as_long_as_it_is_needed(checkout: Path, cache: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    make_suite(checkout, rate=3.0)
    commit(checkout)
    (checkout / "benchmarks" / "rate.py").write_text("RATE = 4.0\n")
    git(checkout, "stash")
    (checkout / "benchmarks" / "rate.py").write_text("RATE = 5.0\n")
    (checkout / "new.py").touch()
    git(checkout, "add", "new.py")
    before = state(checkout)
    with worktree(checkout, first) as path:
        assert (path / "benchmarks" / "rate.py").read_text() == "RATE = 2.0\n"
        assert path.is_relative_to(cache)
        assert git(path, "rev-parse", "HEAD") == first
        assert git(path, "status", "--porcelain") == ""
    assert not path.exists()
    assert [each.name for each in cache.iterdir()] == ["lock"]
    assert state(checkout) == before


def test_a_branch_that_is_checked_out_can_be_compared(checkout: Path, cache: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert resolved(checkout, "main") == head
    with worktree(checkout, head) as one, worktree(checkout, head) as other:
        assert one != other


@pytest.mark.usefixtures("cache")
def test_hooks_of_the_repository_do_not_run(checkout: Path, tmp_path: Path) -> None:
    hook = checkout / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with worktree(checkout, resolved(checkout, "HEAD")):
        assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("cache")
def test_a_git_around_the_comparison_directs_nothing(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(ROOT / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    with worktree(checkout, resolved(checkout, "main")) as path:
        assert (path / "pytest.ini").is_file()


def test_the_worktree_is_removed_after_an_error(checkout: Path, cache: Path) -> None:
    def fail() -> None:
        with worktree(checkout, resolved(checkout, "main")) as path:
            (path / "a file of a run").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert worktrees(checkout) == [str(checkout)]
    assert [each.name for each in cache.iterdir()] == ["lock"]


PROGRAM = """
import sys, time
from pathlib import Path
from benchmarks.compare.sides.side import parse_side
from benchmarks.compare.sides.open_side import opened
with opened(parse_side(["rev:main"]), checkout=Path(sys.argv[1])) as side:
    print(side.tree, flush=True)
    time.sleep(60)
"""


def start(checkout: Path) -> tuple[subprocess.Popen[str], Path]:
    """A comparison that has opened its side."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(checkout)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as printed:
        return process, Path(printed.readline().strip())


@pytest.mark.usefixtures("default_signals", "cache")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_worktree_is_removed_if_a_signal_ends_the_comparison(checkout: Path, number: signal.Signals) -> None:
    process, path = start(checkout)
    try:
        assert path.is_dir()
        process.send_signal(number)
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0
    assert not path.exists()
    assert worktrees(checkout) == [str(checkout)]


def test_what_a_killed_comparison_left_is_removed_by_the_next_one(checkout: Path, cache: Path, tmp_path: Path) -> None:
    """But not the worktree of one that still runs, nor one of the user whose disk is not mounted."""
    lost = tmp_path / "lost"
    git(checkout, "worktree", "add", "--detach", str(lost))
    shutil.rmtree(lost)
    running, kept = start(checkout)
    try:
        killed, left = start(checkout)
        killed.kill()
        killed.wait()
        assert left.is_dir()
        with worktree(checkout, resolved(checkout, "main")) as path:
            assert not left.exists()
            assert set(worktrees(checkout)) == {str(each) for each in (checkout, lost, kept, path)}
        assert (kept / "pytest.ini").is_file()
    finally:
        running.terminate()
        running.wait()
    until(lambda: [each.name for each in cache.iterdir()] == ["lock"])


@pytest.mark.parametrize("removed", [1, 2])
def test_what_a_comparison_that_was_killed_while_it_removed_its_worktree_left_is_removed_by_the_next_one(
    checkout: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """`removed`: folders, before it is killed."""
    calls: list[Path] = []

    def remove(path: Path, ignore_errors: bool) -> None:
        calls.append(path)
        if len(calls) > removed:
            raise KilledError
        rmtree(path, ignore_errors)

    rmtree = shutil.rmtree
    with monkeypatch.context() as patched, pytest.raises(KilledError), worktree(checkout, resolved(checkout, "main")):
        patched.setattr(shutil, "rmtree", remove)
    with worktree(checkout, resolved(checkout, "main")):
        pass
    assert worktrees(checkout) == [str(checkout)]
    assert [each.name for each in cache.iterdir()] == ["lock"]


def test_an_unknown_revision_is_explained(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(SideError, match=r"^rev:nowhere: git does not know this revision: .*; `git fetch` it first"):
        resolved(checkout, "nowhere")
    with pytest.raises(SideError, match=r"^rev:--all: git does not know this revision"):
        resolved(checkout, "--all")
    with pytest.raises(SideError, match=r"^rev:\^main: names what a set of commits leaves out; .*: rev:main$"):
        resolved(checkout, "^main")
    git(tmp_path, "clone", "--quiet", f"file://{checkout}", "--depth", "1", "shallow")
    with pytest.raises(SideError, match="this clone is shallow: `git fetch --unshallow`, in a CI job `fetch-depth"):
        resolved(tmp_path / "shallow", "HEAD~1")
    git(tmp_path / "shallow", "checkout", "--quiet", "--detach")
    git(tmp_path / "shallow", "branch", "--delete", "--force", "main")
    with pytest.raises(SideError, match=r"did you mean rev:origin/main\?"):
        resolved(tmp_path / "shallow", "main")


def test_a_revision_without_the_suite_is_refused(checkout: Path) -> None:
    shutil.rmtree(checkout / "benchmarks")
    bare = commit(checkout)
    with pytest.raises(SideError, match=rf"rev:main: commit {bare[:7]} has no folder benchmarks/: name a later"):
        resolved(checkout, "main")


def test_a_folder_that_is_no_checkout_has_no_revisions(checkout: Path, tmp_path: Path) -> None:
    plain = make_suite(tmp_path / "plain")
    with pytest.raises(SideError, match=r"rev:main: .*/plain is not a git checkout \(not a git rep.*tree:FOLDER"):
        resolved(plain, "main")
    with pytest.raises(SideError, match=r"is not a git checkout \(the root of the checkout is .*/checkout\)"):
        resolved(checkout / "benchmarks", "main")


def test_without_git_the_reason_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SideError, match="git is not installed"):
        resolved(checkout, "main")


@pytest.mark.usefixtures("cache")
def test_a_cache_that_cannot_be_written_is_named(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = resolved(checkout, "main")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SideError, match=r"cannot be made in .*/file/ocr_models/compare: .*; set XDG_CACHE_HOME"):
        worktree(checkout, head).__enter__()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    with pytest.raises(SideError, match="no home directory for the cache: set XDG_CACHE_HOME"):
        worktree(checkout, head).__enter__()


@pytest.mark.usefixtures("cache")
def test_a_commit_that_cannot_be_written_is_explained_and_leaves_nothing(checkout: Path, cache: Path) -> None:
    with pytest.raises(SideError, match=r"git cannot make a worktree of commit 0123456 in .*: invalid reference"):
        worktree(checkout, "0123456789" * 4).__enter__()
    assert [each.name for each in cache.iterdir()] == ["lock"]
    assert worktrees(checkout) == [str(checkout)]
