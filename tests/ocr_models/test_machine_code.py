"""Loops as machine code: where it is kept, and what the import costs."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest
from numba.core import caching
from numpy.typing import NDArray

from ocr_models.machine_code import compiled
from suite import ROOT


def double(numbers: NDArray[np.int64]) -> None:
    for i in range(len(numbers)):
        numbers[i] *= 2


def test_a_loop_is_compiled_once_per_process() -> None:
    compiled.cache_clear()
    assert compiled(double) is compiled(double)


def test_a_loop_is_compiled_where_no_folder_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled.cache_clear()
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])  # as with a read-only installation and home
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(double)
    numbers = np.arange(3)
    compiled(double)(numbers)
    assert numbers.tolist() == [0, 2, 4]


def test_importing_what_compiles_does_not_import_numba() -> None:
    modules = "ocr_models.psenet.expansion, ocr_models.crnn.ctc, ocr_models.recognition.stretch"
    program = f"import sys, {modules}; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
