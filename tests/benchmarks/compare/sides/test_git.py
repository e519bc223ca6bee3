"""How git is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.compare.sides.git import git, is_root_of_checkout
from small_suite import make_suite


def test_ctrl_c_at_a_terminal_does_not_end_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the processes of the session in the foreground; a git that it ended would look like a broken tree."""
    (tmp_path / "git").write_text("#!/bin/sh\ncut -d' ' -f6 /proc/self/stat\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert int(git(tmp_path, "status")) != os.getsid(0)


@pytest.mark.usefixtures("default_signals")
def test_ctrl_c_while_git_ends_by_itself_stays_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nsleep 0.2\nkill -INT $PPID\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KeyboardInterrupt):
        git(tmp_path, "status")


def test_on_a_machine_without_git_no_tree_is_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = make_suite(tmp_path / "plain")
    (tree / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert not is_root_of_checkout(tree)
