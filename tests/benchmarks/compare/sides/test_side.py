"""Sides as they are given on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.side import Side, StoredSource, parse_side
from small_suite import CASE, make_suite


def test_a_side_without_a_text_is_the_working_tree() -> None:
    assert parse_side([]) == parse_side(["."]) == Side(given=(".",))


def test_texts_of_different_kinds_combine(tmp_path: Path) -> None:
    side = parse_side(
        [
            "rev:main",
            "env:python3",
            f"case:{CASE}",
            'options:--ocr-image-cache decoded --ocr-other "a b"',
            "options:--ocr-profile-loader",
            "environ:A=1",
            "environ:B=x=y z",
        ]
    )
    assert (side.revision, side.python, side.case) == ("main", "python3", CASE)
    assert side.options == ("--ocr-image-cache", "decoded", "--ocr-other", "a b", "--ocr-profile-loader")
    assert side.environ == (("A", "1"), ("B", "x=y z"))
    assert side.case_for("psenet_sp_bs4_fp32_cpu1") == CASE
    assert parse_side(["rev:main"]).case_for(CASE) == CASE
    tree = make_suite(tmp_path / "other")
    assert parse_side([f"tree:{tree}"]).tree == tree


def test_a_stored_side_names_one_side_of_a_comparison(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.touch()
    assert parse_side([f"stored:{file}"]).stored == StoredSource(file, "head")
    assert parse_side([f"stored:{file}#head"]).stored == StoredSource(file, "head")
    assert parse_side([f"stored:{file}#base"]).stored == StoredSource(file, "base")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["main"], "'main' is not a side: for a revision write rev:main; a side is one of ., tree:FOLDER, rev:GIT"),
        (["../x y"], r"'../x y' is not a side; a side is one of"),
        (["folder"], "for a folder write tree:folder"),
        (["file"], "for an earlier result write stored:file"),
        ([""], "'' is not a side; a side is one of"),
        (["rev:"], "'rev:': nothing follows the colon"),
        (["rev:a\0b"], "nothing follows the colon that can be used"),
        (["branch:main"], "'branch:main' is not a side"),
        (["rev:a", "rev:b"], "rev:a, rev:b: a side has at most one rev:"),
        ([".", "rev:b"], "a side has one source of its code"),
        (["env:a", "env:b"], "at most one env:"),
        (["case:a", "case:b"], "at most one case:"),
        (["stored:file", "environ:A=1"], "stored: stands alone"),
        (["stored:none.json"], "stored:none.json: there is no such file; name a comparison document or a speed JSON"),
        (["stored:."], "stored:.: not a regular file; name a comparison document or a speed JSON"),
        (["tree:none"], "tree:none: there is no such folder"),
        (["tree:folder"], "tree:folder: has no benchmarks/ and pytest.ini"),
        (["case:psenet_sp_bs2"], "case:'psenet_sp_bs2' is not a case"),
        (["case:psenot_sp_bs2_fp32_cpu1"], "unknown model 'psenot'"),
        (["environ:A"], "environ:A is not NAME=VALUE"),
        (["environ:1A=2"], "is not NAME=VALUE"),
        (["environ:A=1", "environ:A=2"], "environ:A is given twice"),
        (["environ:OCR_BENCHMARK_RUN=1"], "the suite itself sets this variable"),
        (["environ:OCR_BENCHMARK_RUN_COMMAND=1"], "the suite itself sets this variable"),
        (["environ:PYTEST_ADDOPTS=--ocr-data x"], "environ:PYTEST_ADDOPTS: --ocr-data must be the same on both sides"),
    ],
)
def test_a_wrong_side_is_explained_in_one_line(
    texts: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").touch()
    with pytest.raises(SideError) as caught:
        parse_side(texts)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("texts", [["environ:API TOKEN=abc123"], ["rev:a", "rev:b", "environ:API_TOKEN=abc123 abc123"]])
def test_a_message_has_no_secret(texts: list[str]) -> None:
    with pytest.raises(SideError) as caught:
        parse_side(texts)
    assert "abc123" not in str(caught.value)
