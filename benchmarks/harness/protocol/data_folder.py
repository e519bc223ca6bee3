"""How the ranks learn the folder of the synthetic data, which is made or found while they import torch."""

from __future__ import annotations

import os
import time
from pathlib import Path

LOOK_SECONDS = 0.01


def publish_data_folder(run_folder: Path, data: str) -> None:
    """For `wait_for_data_folder`. Raises OSError if the run folder cannot be written."""
    unfinished = run_folder / "data.unfinished"
    unfinished.write_bytes(os.fsencode(data))
    unfinished.rename(run_folder / "data")


def wait_for_data_folder(run_folder: Path) -> str:
    """The folder, once it is published. If it never is, the launcher ends the process that waits."""
    published = run_folder / "data"
    while not published.exists():
        time.sleep(LOOK_SECONDS)
    return os.fsdecode(published.read_bytes())
