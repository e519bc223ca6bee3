"""An exception as one line."""

from __future__ import annotations


def one_line(error: BaseException) -> str:
    """Type and first line of the message. Of an error that crossed from a loader process, its original last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    text = lines[-1] if lines[0].startswith("Caught ") and "DataLoader worker" in lines[0] else lines[0]
    name = type(error).__name__
    before, colon, after = text.partition(":")
    if before.rpartition(".")[2] == name:  # with or without its module
        return f"{name}{colon}{after}"
    return f"{name}: {text}"
