"""`python -m benchmarks.first_look`."""

from __future__ import annotations

import sys

from benchmarks.first_look.command import main

if __name__ == "__main__":
    sys.exit(main())
