"""A command as a process: whoever reads its output may stop reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def exit_code(main: Callable[[], int], what: str) -> int:
    """The exit code of `main`; 1, and a line on standard error, if `what` it prints cannot be written."""
    try:
        code = main()
        if sys.stdout is not None:  # it is, if the process was started with standard output closed
            sys.stdout.flush()
    except OSError as error:
        print(f"{what} cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return 1
    return code
