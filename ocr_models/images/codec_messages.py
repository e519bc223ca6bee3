"""Decoding of images together with what the decoder says about them.

OpenCV decodes a JPEG that is damaged inside and fills in what is missing. That the data were damaged, its JPEG decoder
(libjpeg) reports only on the standard error of the process, and OpenCV has no other way to ask. So the descriptor of
the standard error is replaced by a pipe during the decoding. This takes some microseconds; the pipe is made once per
process, because making one would take as long as decoding the image of a word.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

STDERR = 2
MAX_MESSAGE_BYTES = 2**16

CODEC_MESSAGE = re.compile(
    rb"(?:Corrupt JPEG|Premature end of JPEG|Inconsistent progression|Invalid SOS|Unknown Adobe|Warning: unknown JFIF"
    rb"|Application transferred|libpng |\[ *(?:WARN|ERROR|INFO|DEBUG):).*"
)
"""The lines of libjpeg, libpng and OpenCV. libjpeg prints only its first warning about an image."""

_exclusive = threading.Lock()
# A process that is forked while another thread decodes must neither inherit the pipe nor a lock that nobody releases.
os.register_at_fork(before=_exclusive.acquire, after_in_parent=_exclusive.release, after_in_child=_exclusive.release)

_pipe: list[tuple[int, int]] = []
"""The two ends of the pipe, once it is made."""


def _forget_pipe() -> None:
    """A forked process makes its own: both would read what either of them prints."""
    while _pipe:
        for descriptor in _pipe.pop():
            os.close(descriptor)


os.register_at_fork(after_in_child=_forget_pipe)


def _ends() -> tuple[int, int]:
    if not _pipe:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)  # a flood of messages is cut, instead of waiting for a reader
        _pipe.append((reader, writer))
    return _pipe[0]


def with_codec_messages(decode: Callable[[], T]) -> tuple[T, list[str]]:
    """The result of `decode` and the lines that image decoders have printed meanwhile.

    What other threads print at the same time appears on the standard error afterwards.
    """
    with _exclusive:
        reader, writer = _ends()
        try:
            original = os.dup(STDERR)
        except OSError:  # closed
            original = None
        os.dup2(writer, STDERR)
        try:
            result = decode()
        finally:
            if original is None:
                os.close(STDERR)
            else:
                os.dup2(original, STDERR)
                os.close(original)
            messages = _messages(_content(reader))
    return result, messages


def _messages(printed: bytes) -> list[str]:
    """The lines of image decoders. All others are printed on the standard error."""
    if not printed:
        return []
    messages = [line for line in printed.splitlines() if CODEC_MESSAGE.fullmatch(line)]
    others = b"".join(line for line in printed.splitlines(True) if not CODEC_MESSAGE.fullmatch(line.strip()))
    if others:
        with contextlib.suppress(OSError):  # it may be closed
            os.write(STDERR, others)
    return [message.decode(errors="replace") for message in messages]


def _content(reader: int) -> bytes:
    try:
        return os.read(reader, MAX_MESSAGE_BYTES)
    except BlockingIOError:  # nothing was printed
        return b""
