"""What import-linter cannot see: what is imported at run time, also through strings. The rest is in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ocr_models
from suite import ROOT, suite_environment

COLLECT = """
import pytest, sys
code = pytest.main(["benchmarks", "--collect-only", "-q", "-p", "no:cacheprovider"])
slow = {"torch", "numpy", "cv2", "jsonschema", "matplotlib"}
print("exit code", int(code), "imported", sorted(slow & set(sys.modules)))
"""
WITHOUT_TORCH = ("benchmarks.gate", "benchmarks.analysis_log", "benchmarks.schemas", "ocr_models.evaluation")


def test_collecting_imports_nothing_that_takes_long_to_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLLECT], cwd=ROOT, env=suite_environment(), capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["exit code 0 imported []"], done.stdout + done.stderr


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_a_command_that_computes_nothing_on_tensors_imports_no_torch(module: str) -> None:
    program = f"import sys, {module}; assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=suite_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_of_tests_is_not_taken_for_the_package_that_it_mirrors() -> None:
    assert __name__ == "tests.test_architecture"
    assert ocr_models.__file__ == str(ROOT / "ocr_models" / "__init__.py")
