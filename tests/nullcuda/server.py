"""The process on the device: reads calls from stdin, one a line, and answers each with one line."""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

from tests.nullcuda import device
from tests.nullcuda.process import RESULTS_VARIABLE
from torch_settings import restored_settings


def outcome_of(function: str, arguments: list[Any]) -> dict[str, Any]:
    """`result`, or `traceback`. Afterwards torch's settings and the device are as they were."""
    module, _, name = function.partition(":")
    try:
        with _restored():
            return {"result": getattr(import_module(f"tests.nullcuda.checks.{module}"), name)(*arguments)}
    except BaseException:
        return {"traceback": traceback.format_exc()}


@contextmanager
def _restored() -> Iterator[None]:
    gc.collect()  # what the calls before have left: a step asks for more memory if it meets odd blocks in the cache
    torch.cuda.empty_cache()
    with restored_settings():
        try:
            yield
        finally:
            device.reset()  # first: the next line fails if an error has destroyed the context
            torch.cuda.set_sync_debug_mode("default")


def main() -> None:
    """Until stdin ends."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True, chain=True)  # and the process ends
    with os.fdopen(int(os.environ.pop(RESULTS_VARIABLE)), "w") as answers:
        for line in sys.stdin:
            outcome = outcome_of(*json.loads(line))
            sys.stdout.flush()
            answers.write(json.dumps(outcome) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
