"""`python -m benchmarks.compare`."""

from __future__ import annotations

import sys

from benchmarks.compare.command import command

if __name__ == "__main__":
    sys.exit(command())
