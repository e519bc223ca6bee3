"""What image decoders print while they decode, and what others print at the same time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ocr_models.images.codec_messages import with_codec_messages
from suite import ROOT

JPEG_MESSAGE = b"Corrupt JPEG data: premature end of data segment\n"


def test_messages_of_codecs_are_returned_and_everything_else_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def decode() -> str:
        os.write(2, JPEG_MESSAGE + b"a line of another thread\nlibpng warning: iCCP\n")
        return "image"

    assert with_codec_messages(decode) == (
        "image",
        ["Corrupt JPEG data: premature end of data segment", "libpng warning: iCCP"],
    )
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "a line of another thread\nlater\n"


def test_an_error_gives_the_standard_error_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        with_codec_messages(lambda: 1 / 0)
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "later\n"


def test_a_flood_is_cut_and_does_not_block() -> None:
    def decode() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(2, JPEG_MESSAGE)

    messages = with_codec_messages(decode)[1]
    assert 100 < len(messages) < 100_000
    assert messages[0] == JPEG_MESSAGE.decode().strip()


def test_threads_take_turns_and_no_descriptor_is_lost() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    found: list[list[str]] = []

    def decode_often() -> None:
        found.extend(with_codec_messages(lambda: os.write(2, JPEG_MESSAGE))[1] for _ in range(50))

    threads = [threading.Thread(target=decode_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[JPEG_MESSAGE.decode().strip()]] * 200
    assert len(list(Path("/proc/self/fd").iterdir())) == before


PROGRAM = """
import os, threading, time
from ocr_models.images.codec_messages import with_codec_messages

begun = threading.Event()
def decode():
    begun.set()
    time.sleep(0.2)
threading.Thread(target=with_codec_messages, args=(decode,)).start()
begun.wait()
child = os.fork()  # as a loader process is started, while another thread decodes
if child == 0:
    os.write(2, b"of the child;")
    os._exit(len(with_codec_messages(lambda: os.write(2, b"Corrupt JPEG data: x"))[1]))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
os.close(2)
assert with_codec_messages(lambda: os.write(2, b"Corrupt JPEG data: x"))[1] == ["Corrupt JPEG data: x"]
try:
    os.write(2, b"closed")
except OSError:
    print("still closed")
"""


def test_a_forked_process_and_a_closed_standard_error_work() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, timeout=60, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("still closed\n", "of the child;", 0)
