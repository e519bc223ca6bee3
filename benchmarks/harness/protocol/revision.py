"""Which commit of the suite runs."""

from __future__ import annotations

import os
import re
import subprocess
from typing import NamedTuple

from benchmarks.harness.protocol.machine import ROOT

TIMEOUT_SECONDS = 10


class Revision(NamedTuple):
    """A commit, and whether the checkout differs from it. None for what is not known."""

    commit: str | None
    dirty: bool | None


def revision() -> Revision:
    """Of the checkout, or of the image of a container, which has none."""
    status = _git("status", "--porcelain")
    return Revision(_git("rev-parse", "HEAD") or _commit_of_image(), None if status is None else bool(status))


def _commit_of_image() -> str | None:
    """In a container there is no checkout: its image names the commit from which it was built (docs/container.md)."""
    commit = os.environ.get("OCR_GIT_COMMIT", "")
    return commit if re.fullmatch("[0-9a-f]{40}([0-9a-f]{24})?", commit) else None


def _git(*arguments: str) -> str | None:
    """Output of git in the suite's checkout; None if it is not a checkout, or if there is no git."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
        ).stdout.strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
