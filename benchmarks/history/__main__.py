"""`python -m benchmarks.history`."""

from __future__ import annotations

import sys

from benchmarks.history.command import command

if __name__ == "__main__":
    sys.exit(command())
