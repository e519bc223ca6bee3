"""What a step of a model must come to, computed anew in float64: `python -m benchmarks.fingerprint MODEL`.

For who adds a model, or changes on purpose what one computes: the figures go into its `Reference`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.harness.fingerprint import reference_figures
from ocr_models import MODELS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fingerprint", description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=sorted(MODELS))
    with tempfile.TemporaryDirectory() as folder:
        print(reference_figures(parser.parse_args().model, Path(folder)))


if __name__ == "__main__":
    main()
