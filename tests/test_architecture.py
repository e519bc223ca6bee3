"""The arrows of the house go down only: conftest -> benchmarks -> ocr_models; and collecting imports no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITHOUT_TORCH = (
    "conftest",
    "benchmarks.cases",
    "benchmarks.test_speed",
    "benchmarks.gate",
    "benchmarks.analysis_log",
    "benchmarks.harness.launch",
    "benchmarks.harness.session",
    "benchmarks.harness.records",
    "benchmarks.harness.train_log",
    "benchmarks.harness.artifact",
    "benchmarks.harness.details",
    "ocr_models",
    "ocr_models.evaluation",
)


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its arrow"
            yield node.module or ""


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", modules("ocr_models"), ids=lambda path: str(path.relative_to(ROOT)))
def test_models_know_nothing_of_the_benchmarks(path: Path) -> None:
    assert not [name for name in imported_by(path) if name.split(".")[0] in ("benchmarks", "conftest", "tests")]


@pytest.mark.parametrize("path", modules("benchmarks"), ids=lambda path: str(path.relative_to(ROOT)))
def test_benchmarks_know_nothing_of_conftest_and_tests(path: Path) -> None:
    assert not [name for name in imported_by(path) if name.split(".")[0] in ("conftest", "tests")]


@pytest.mark.parametrize("path", modules("benchmarks/harness"), ids=lambda path: path.name)
def test_the_harness_knows_no_benchmark_and_no_model_by_name(path: Path) -> None:
    for name in imported_by(path):
        assert not name.startswith("benchmarks.test_"), name
        assert not name.startswith("ocr_models.psenet"), name


def test_collecting_imports_no_torch_no_numpy_and_no_opencv() -> None:
    heavy = f"""
import importlib, sys
for name in {WITHOUT_TORCH[:3]!r}:
    importlib.import_module(name)
print(sorted({{"torch", "numpy", "cv2", "jsonschema"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_these_modules_import_no_torch(module: str) -> None:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
