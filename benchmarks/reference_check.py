"""Computes the reference figures of a model in float64: `python -m benchmarks.reference_check MODEL`.

For people who add a model, or change on purpose what one computes. The printed figures go into the model's `Reference`;
every speed case then compares one step with them.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.harness.worker.probes.reference_check import NoReferenceError, reference_figures
from ocr_models import MODELS


def main() -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reference_check", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("model", choices=sorted(MODELS))
    try:
        figures = reference_figures(parser.parse_args().model)
    except NoReferenceError as error:
        print(error, file=sys.stderr)
        return 1
    print(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
