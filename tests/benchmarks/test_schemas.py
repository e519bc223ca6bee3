"""Generated files: schemas/ and two pages in docs/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import schemas
from suite import ROOT


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, str]:
    """Path -> text of the generated files, as they would be in an empty folder."""
    monkeypatch.setattr(schemas, "ROOT", tmp_path)
    return schemas.generated()


def test_the_committed_files_are_those_that_would_be_generated() -> None:
    for path, text in schemas.generated().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `python -m benchmarks.schemas`"


def test_there_is_a_schema_per_measurement_and_one_of_comparisons_each_with_a_page() -> None:
    measurements = ("speed", "memory", "profile", "convergence", "largest_batch")
    names = {f"{name}.schema.json" for name in (*measurements, "comparison")}
    pages = {"docs/artifact.md", "docs/comparison-document.md"}
    assert {str(path.relative_to(ROOT)) for path in schemas.generated()} == {
        f"schemas/{name}" for name in names
    } | pages
    assert {path.name for path in (ROOT / "schemas").iterdir()} == names


def test_files_are_written_and_then_up_to_date(copies: dict[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main([]) == 0
    assert all(path.read_text(encoding="utf-8") == text for path, text in copies.items())
    assert capsys.readouterr().out.splitlines() == [
        "wrote schemas/speed.schema.json",
        "wrote schemas/memory.schema.json",
        "wrote schemas/profile.schema.json",
        "wrote schemas/convergence.schema.json",
        "wrote schemas/largest_batch.schema.json",
        "wrote schemas/comparison.schema.json",
        "wrote docs/artifact.md",
        "wrote docs/comparison-document.md",
    ]
    assert schemas.main([]) == schemas.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_check_names_what_is_out_of_date_and_writes_nothing(
    copies: dict[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    schemas.main([])
    page, missing = (
        next(path for path in copies if path.name == name) for name in ("artifact.md", "speed.schema.json")
    )
    page.write_text("another text")
    missing.unlink()
    capsys.readouterr()
    assert schemas.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "schemas/speed.schema.json is out of date; run `python -m benchmarks.schemas`",
        "docs/artifact.md is out of date; run `python -m benchmarks.schemas`",
    ]
    assert page.read_text() == "another text"
    assert not missing.exists()


def test_the_command_checks_the_committed_files() -> None:
    command = [sys.executable, "-m", "benchmarks.schemas", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
