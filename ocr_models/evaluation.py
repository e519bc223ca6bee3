"""The ICDAR 2015 protocol on the command line: `python -m ocr_models.evaluation GT.zip SUBMISSION.zip`.

It prints precision, recall and their harmonic mean. The functions live in `ocr_models.detection.evaluation` and are
importable from here as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ocr_models.detection.evaluation import ImageResult, evaluate_icdar2015, evaluate_images
from ocr_models.detection.submission import EvaluationError, write_submission

__all__ = ["EvaluationError", "ImageResult", "evaluate_icdar2015", "evaluate_images", "write_submission"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0, or 2 if the input is bad."""
    parser = argparse.ArgumentParser(
        prog="python -m ocr_models.evaluation", description="Score a submission by the ICDAR 2015 protocol."
    )
    parser.add_argument("gt_zip", metavar="GT.zip", help="ground truth: gt_img_<n>.txt")
    parser.add_argument("submission_zip", metavar="SUBMISSION.zip", help="detections: res_img_<n>.txt")
    options = parser.parse_args(arguments)
    try:
        figures = evaluate_icdar2015(options.gt_zip, options.submission_zip)
    except EvaluationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, value in figures.items():
        print(f"{name:<9} {value:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
