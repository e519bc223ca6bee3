"""The process on the device: reads calls from stdin, one a line, and answers each with one line."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any

from tests.nullcuda.process import RESULTS_VARIABLE


def outcome_of(function: str, arguments: list[Any]) -> dict[str, Any]:
    """`result`, or `traceback`."""
    module, _, name = function.partition(":")
    try:
        return {"result": getattr(import_module(f"tests.nullcuda.checks.{module}"), name)(*arguments)}
    except BaseException:
        return {"traceback": traceback.format_exc()}


def main() -> None:
    """Until stdin ends."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    with os.fdopen(int(os.environ.pop(RESULTS_VARIABLE)), "w") as answers:
        for line in sys.stdin:
            outcome = outcome_of(*json.loads(line))
            sys.stdout.flush()
            answers.write(json.dumps(outcome) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
