"""`python -m benchmarks.compare`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from benchmarks.compare.command import command

        code = command()
    except KeyboardInterrupt:  # while modules are imported, or in the self-test
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
