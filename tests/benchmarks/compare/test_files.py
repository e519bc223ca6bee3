"""Document and folder of a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.compare import files
from benchmarks.compare.files import NAME, default_name
from benchmarks.harness.results.reading import DocumentError
from benchmarks.harness.results.redaction import redact
from compared import comparison


@pytest.mark.parametrize(
    ("cases", "base", "head", "name"),
    [
        (["psenet_sp_bs2_fp32_cpu1"], ["rev:main"], ["."], "psenet_sp_bs2_fp32_cpu1_rev-main_to_here"),
        (["a"], ["."], ["case:b"], "a_here_to_case-b"),
        (["a"], ["rev:v1.2", "env:a"], ["."], "a_rev-v1.2+env-a_to_here"),
    ],
)
def test_the_name_comes_from_cases_and_sides(cases: list[str], base: list[str], head: list[str], name: str) -> None:
    assert default_name(cases, base, head) == name


@pytest.mark.parametrize(
    ("cases", "base", "head"),
    [
        (["a", "b"], ["."], ["."]),
        (["a", "c"], ["."], ["."]),
        (["a"], ["rev:feature/x"], ["."]),
        (["a"], ["rev:feature_x"], ["."]),
        (["a"], ['options:--ocr-data "/some where/x"'], ["."]),
        (["a" * 99], ["rev:main"], ["."]),
        (["a" * 99], ["rev:other"], ["."]),
        (["a"], ["tree:/home/someone/x"], ["."]),
        (["a"], ["rev:../../etc"], ["."]),
    ],
)
def test_a_name_is_always_valid(cases: list[str], base: list[str], head: list[str]) -> None:
    assert NAME.fullmatch(default_name(cases, base, head))


def test_names_of_different_questions_differ() -> None:
    asked = [(["a", "b"], "rev:x"), (["a", "c"], "rev:x"), (["a"], "rev:x/y"), (["a"], "rev:x_y"), (["a"], "rev:x:y")]
    assert len({default_name(cases, [base], ["."]) for cases, base in asked}) == len(asked)


def test_a_name_has_nothing_private() -> None:
    assert "someone" not in default_name(["a"], ["tree:/home/someone/x"], ["."])
    names = {default_name(["a"], [f"environ:API_TOKEN={secret}"], ["."]) for secret in ("one two", "three four")}
    assert len(names) == 1
    assert "two" not in names.pop()


def test_a_name_is_not_redacted_in_the_paths_of_runs() -> None:
    name = default_name(["a"], ["rev:10.1.2.3/x"], ["."])
    assert redact(name) == name


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = comparison()
    files.write(tmp_path / "test.json", written)
    assert files.read(tmp_path / "test.json") == written


def test_a_document_that_does_not_fit_its_schema_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"test.json does not fit comparison.schema.json: measuring_seconds: -1"):
        files.write(tmp_path / "test.json", structs.replace(comparison(), measuring_seconds=-1.0))
    assert not list(tmp_path.iterdir())


def test_nothing_private_is_written(tmp_path: Path) -> None:
    made = comparison()
    base = structs.replace(made.base, title="tree /home/someone/x", environ=["HOST=10.1.2.3"])
    files.write(tmp_path / "test.json", structs.replace(made, base=base))
    text = (tmp_path / "test.json").read_text()
    assert "someone" not in text
    assert "10.1.2.3" not in text


def test_a_missing_document_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: No such file or directory"):
        files.read(tmp_path / "test.json")
