"""Make a model's synthetic data set: `python -m ocr_models.synthetic_data MODEL` prints its folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ocr_models import MODELS
from ocr_models.errors import DataError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0, 1 if the set cannot be made (one line on stdout), 2 for an unknown model."""
    parser = argparse.ArgumentParser(
        prog="python -m ocr_models.synthetic_data",
        description="Make the synthetic data set of a model on first use, and print its folder.",
    )
    parser.add_argument("model", metavar="MODEL", choices=list(MODELS), help=f"one of: {', '.join(MODELS)}")
    parser.add_argument("--convergence", action="store_true", help="the set of the model's convergence case")
    options = parser.parse_args(arguments)
    try:
        print(MODELS[options.model].make_synthetic_data(convergence=options.convergence))
    except DataError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
