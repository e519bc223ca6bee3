"""`python -m benchmarks.analysis_log`."""

from __future__ import annotations

import sys

from benchmarks.analysis_log import main

if __name__ == "__main__":
    sys.exit(main())
