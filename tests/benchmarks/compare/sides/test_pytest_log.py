"""The cause of a run without a result, from what pytest printed."""

from __future__ import annotations

import pytest

from benchmarks.compare.sides.pytest_log import is_skipped, reason_in

USAGE = """ERROR: usage: __main__.py [options] [file_or_dir] [file_or_dir] [...]
__main__.py: error: unrecognized arguments: --ocr-new
  inifile: /tmp/x/pytest.ini
  rootdir: /tmp/x
"""
WRONG_CASE = """ERROR: --ocr-case: 'psenet_sp' is not a case: <model>_<mode>_bs<B>

"""
SKIPPED = """collected 1 item
benchmarks/test_speed.py s                                       [100%]
=========================== short test summary info ============================
SKIPPED [1] benchmarks/test_speed.py:12: psenet_sp_bs8_fp32_1 needs 1 CUDA GPU, found 0
============================== 1 skipped in 0.11s ==============================
"""
COLLECTION = """==================================== ERRORS ====================================
__________________ ERROR collecting benchmarks/test_speed.py ___________________
ImportError while importing test module '/tmp/x/benchmarks/test_speed.py'.
Traceback:
benchmarks/test_speed.py:3: in <module>
    import benchmarks.gone
E   ModuleNotFoundError: No module named 'benchmarks.gone'
=========================== short test summary info ============================
ERROR benchmarks/test_speed.py
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
=============================== 1 error in 0.09s ===============================
"""
CONFTEST = """ImportError while loading conftest '/tmp/x/conftest.py'.
conftest.py:1: in <module>
    import msgspec
E   ModuleNotFoundError: No module named 'msgspec'
"""
ASSERTION = """>   assert 1 == 2
E   AssertionError: no rate today
E   assert 1 == 2

benchmarks/test_speed.py:3: AssertionError
FAILED benchmarks/test_speed.py::test_speed - AssertionError: no rate today
"""
CRASH = """benchmarks/test_speed.py Fatal Python error: Segmentation fault

Current thread 0x00007f0000000000 (most recent call first):
  File "/tmp/x/benchmarks/test_speed.py", line 3 in test_speed
"""
NO_TESTS = "collected 3 items / 3 deselected\n\n===== 3 deselected in 0.01s =====\n"
TRACEBACK = "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (USAGE, "unrecognized arguments: --ocr-new"),
        (USAGE.replace("__main__.py", "python -m pytest"), "unrecognized arguments: --ocr-new"),
        (WRONG_CASE, "--ocr-case: 'psenet_sp' is not a case: <model>_<mode>_bs<B>"),
        (SKIPPED, "psenet_sp_bs8_fp32_1 needs 1 CUDA GPU, found 0"),
        (COLLECTION, "ModuleNotFoundError: No module named 'benchmarks.gone'"),
        (CONFTEST, "ModuleNotFoundError: No module named 'msgspec'"),
        (ASSERTION, "AssertionError: no rate today"),
        (f"E   KeyError: 3\n\nDuring handling of it:\n{ASSERTION}", "AssertionError: no rate today"),
        (CRASH, "Segmentation fault"),
        (NO_TESTS, "3 deselected in 0.01s"),
        (TRACEBACK, "OSError: [Errno 28] No space left on device"),
        ("\x1b[31mERROR: --ocr-steps: 'x' is not\x1b[0m\n", "--ocr-steps: 'x' is not"),
        ("/opt/python: No module named pytest\n", "/opt/python: No module named pytest"),
        ("ERROR: file or directory not found: benchmarks\n", "file or directory not found: benchmarks"),
        ("\n \n", None),
    ],
)
def test_the_line_that_names_the_cause_is_found(printed: str, reason: str | None) -> None:
    assert reason_in(printed) == reason


def test_the_cause_has_no_private_data() -> None:
    assert "10.1.2.3" not in (reason_in("E   OSError: cannot reach 10.1.2.3:22") or "")


def test_a_skipped_test_is_recognised() -> None:
    assert is_skipped(SKIPPED)
    assert not is_skipped(ASSERTION)
