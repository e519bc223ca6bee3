"""A checkout of a small suite, and a cache of its own for its worktrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_suite import make_checkout


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the worktrees."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ocr_models" / "compare"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """With one commit, of which `git status` is clean."""
    return make_checkout(tmp_path / "checkout")
