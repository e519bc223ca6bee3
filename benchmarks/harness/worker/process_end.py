"""The end of a process that has imported torch."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import NoReturn


def run_and_leave(main: Callable[[str], int], argument: str) -> NoReturn:
    """Run the main function of a process, then its exit handlers, and leave with the exit code.

    Python would then take down every module. That takes torch more than a second, and nothing needs it: the operating
    system and the driver free what the process has. Exit handlers that were registered before this call do not run:
    the first one that is registered runs last.
    """
    codes: list[int] = []

    def leave() -> None:
        if codes and "coverage" not in sys.modules:  # which writes its data later
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(codes[0])

    atexit.register(leave)
    codes.append(main(argument))
    sys.exit(codes[0])
