"""What the steps of cases cost the host: `python -m tests.nullcuda.host_costs CASE...`, on the null CUDA device.

Prints a Markdown table: kernels, calls of cuBLAS and cuDNN, copies, and the host's milliseconds for a step if all of
them return at once. A launch on a GPU takes the host a few microseconds more. No step takes less time than its host.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).parents[1] / "support"))

from benchmarks.cases import CaseError, parse_case
from ocr_models import MODELS
from tests.nullcuda.build import build, missing
from tests.nullcuda.process import DeviceProcess

COLUMNS = {
    "kernels": ("launches",),
    "cuBLAS": ("matmuls",),
    "cuDNN": ("cudnn_plans", "batch_norms", "recurrences"),
    "copies": ("copies",),
}
"""Heading -> counters that are added up."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0; 2 for wrong options, or if the device cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m tests.nullcuda.host_costs", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="+", metavar="CASE", help="of one process on a GPU, not compiled")
    parser.add_argument("--data", metavar="FOLDER", type=Path, help="training data (default: synthetic)")
    parser.add_argument("--image-size", metavar="PIXELS", type=int, default=320, help="of detectors (default: 320)")
    options = parser.parse_args(arguments)
    if (reason := _unusable(options.cases) or missing()) is not None:
        parser.error(reason)
    print(f"| case | {' | '.join(COLUMNS)} | host ms |\n|---|{'---|' * (len(COLUMNS) + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        libraries = Path(folder)
        build(libraries)
        process = DeviceProcess(libraries, libraries / "log", OMP_NUM_THREADS="1")
        try:
            for case in options.cases:
                data = options.data or MODELS[parse_case(case).model].make_synthetic_data()
                found = process.call("host_costs:measured", case, str(data), options.image_size)
                print(_row(case, found), flush=True)
        finally:
            process.stop()
    return 0


def _unusable(cases: Sequence[str]) -> str | None:
    """Why a case cannot be measured, as one line."""
    for name in cases:
        try:
            case = parse_case(name)
        except CaseError as error:
            return str(error)
        if case.compile or case.mode != "sp" or case.device != "cuda":
            return f"{name} is compiled, or not a case of one process on a GPU"
    return None


def _row(case: str, found: dict[str, Any]) -> str:
    counts = [f"{sum(found.get(each, 0) for each in counters):g}" for counters in COLUMNS.values()]
    return f"| {case} | {' | '.join(counts)} | {found['milliseconds']:.1f} |"


if __name__ == "__main__":
    sys.exit(main())
