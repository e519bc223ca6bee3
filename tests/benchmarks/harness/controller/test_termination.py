from __future__ import annotations

import signal
import threading

import pytest

from benchmarks.harness.controller.termination import termination_as_interrupt

pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_pytest_is_an_interrupt_and_a_second_one_is_ignored(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    expected = "Ctrl-C" if number == signal.SIGINT else number.name
    during: list[object] = []

    def be_interrupted() -> None:
        with termination_as_interrupt():
            try:
                signal.raise_signal(number)
            finally:
                during.extend(signal.getsignal(each) for each in before)

    with pytest.raises(KeyboardInterrupt, match=expected):
        be_interrupted()
    assert during == [signal.SIG_IGN] * 3
    assert {each: signal.getsignal(each) for each in before} == before


def test_an_ignored_signal_remains_ignored() -> None:
    """As nohup sets SIGHUP: the run must outlive the terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with termination_as_interrupt():
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_signals_are_left_alone_outside_the_main_thread() -> None:
    seen = []

    def look() -> None:
        with termination_as_interrupt():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
