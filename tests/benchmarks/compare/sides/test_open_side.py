"""Sides that are ready to be measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides import interpreters
from benchmarks.compare.sides.open_side import opened
from benchmarks.compare.sides.side import Side, parse_side
from small_suite import CASE, commit, git, make_checkout, make_suite


def test_the_working_tree_is_described(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    with opened(parse_side(["."]), checkout=checkout) as side:
        assert (side.tree, side.python, side.light) == (checkout, Path(sys.executable), False)
        found = side.description
    assert (found.given, found.kind, found.title, found.commit) == (
        ["."],
        "working_tree",
        f"working tree ({head[:7]})",
        head,
    )
    assert found.fingerprint is not None
    (checkout / "results").mkdir()
    (checkout / "results" / "comparison.json").touch()
    with opened(parse_side(["."]), checkout=checkout, output=checkout / "results") as side:
        assert side.description.title == f"working tree ({head[:7]})"
    (checkout / "new.py").touch()
    with opened(parse_side(["."]), checkout=checkout) as side:
        assert side.description.fingerprint is not None
        assert side.description.changed
        changes = f"uncommitted changes {side.description.fingerprint[:7]}"
        assert side.description.title == f"working tree ({head[:7]}, {changes})"
        assert side.description.fingerprint != found.fingerprint


@pytest.mark.usefixtures("cache")
def test_a_revision_is_described_and_measured_in_a_folder_of_its_own(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    texts = ["rev:main", "options:--ocr-timeout 5", "environ:A=1", "environ:DB_PASSWORD=a b", f"case:{CASE}"]
    with opened(parse_side(texts), checkout=checkout) as side:
        assert side.tree != checkout
        assert (side.tree / "benchmarks" / "rate.py").is_file()
        found = side.description
        side.check_unchanged()
    assert (found.kind, found.commit, found.fingerprint) == ("revision", head, None)
    assert found.title == f"main ({head[:7]}), {CASE}, --ocr-timeout 5, A=1, DB_PASSWORD=<secret>"
    assert found.given[3] == "environ:DB_PASSWORD=<secret>"
    assert (found.options, found.environ) == (["--ocr-timeout", "5"], ["A=1", "DB_PASSWORD=<secret>"])
    with opened(parse_side([f"rev:{head[:9]}"]), checkout=checkout) as side:
        assert side.description.title == f"commit {head[:7]}"
    with pytest.raises(SideError, match="was removed while it was measured"):
        side.check_unchanged()


def test_another_tree_and_another_interpreter_are_described(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the tree has no git, and the interpreter is this one, which is not asked to import torch."""
    monkeypatch.setattr(interpreters, "CHECK", """print('{"python": "3.99.0", "torch": "9.9", "pytest": "99"}')""")
    tree = make_suite(tmp_path / "plain")
    with opened(parse_side([f"tree:{tree}", f"env:{sys.executable}"]), checkout=checkout) as side:
        found = side.description
    assert (side.tree, found.commit) == (tree, None)
    assert found.versions == {"python": "3.99.0", "torch": "9.9", "pytest": "99"}
    assert found.title.endswith("plain, torch 9.9 on Python 3.99.0")


def test_a_suite_with_light_runs_is_recognised(tmp_path: Path) -> None:
    with opened(parse_side([]), checkout=make_checkout(tmp_path / "light", light=True)) as side:
        assert side.light


def test_a_tree_that_changes_is_noticed_but_not_the_output_in_it(checkout: Path) -> None:
    output = checkout / "comparisons"
    with opened(parse_side([]), checkout=checkout, output=output) as side:
        output.mkdir()
        (output / "a.json").touch()
        side.check_unchanged()
        (checkout / "benchmarks" / "rate.py").write_text("RATE = 9\n")
        with pytest.raises(SideError, match=r": changed while it was measured \(last: benchmarks/rate.py\); edit"):
            side.check_unchanged()
        git(checkout, "checkout", "--quiet", ".")
        side.check_unchanged()
        (checkout / "benchmarks" / "new.py").touch()
        commit(checkout)
        with pytest.raises(SideError, match="changed while it was measured"):
            side.check_unchanged()


def test_a_cache_in_the_tree_is_no_change_of_it(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(checkout / "cache"))
    with opened(parse_side([]), checkout=checkout) as side:
        images = checkout / "cache" / "ocr_models" / "synthetic"
        images.mkdir(parents=True)
        (images / "1.py").touch()
        side.check_unchanged()


def test_a_tree_whose_git_does_not_answer_is_explained(tmp_path: Path) -> None:
    tree = make_suite(tmp_path / "plain")
    (tree / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(SideError, match=r"/plain: git cannot say what changed: not a git repository: /nowhere"):
        opened(parse_side([f"tree:{tree}"])).__enter__()


def test_comparisons_among_committed_files_are_refused(checkout: Path) -> None:
    with pytest.raises(SideError, match=r"^--output: .*/benchmarks has files of the checkout"):
        opened(parse_side([]), checkout=checkout, output=checkout / "benchmarks").__enter__()


@pytest.mark.usefixtures("cache")
def test_a_side_that_cannot_be_opened_leaves_nothing(checkout: Path, cache: Path) -> None:
    (checkout / "conftest.py").write_text("import not_there\n")
    head = commit(checkout)
    with pytest.raises(SideError, match=rf"main \({head[:7]}\): pytest cannot load its suite: .*not_there"):
        opened(parse_side(["rev:main"]), checkout=checkout).__enter__()
    assert [each.name for each in cache.iterdir()] == ["lock"]


@pytest.mark.parametrize(("option", "both"), [("--ocr-own", ["--ocr-seed", "1"]), ("--ocr-seed 1", ["--ocr-both"])])
def test_an_option_that_the_suite_of_a_side_does_not_know_is_refused(
    checkout: Path, option: str, both: list[str]
) -> None:
    with pytest.raises(SideError, match=r"^working tree .*: its pytest has no option --ocr-(own|both)"):
        opened(Side(given=(".",), options=tuple(option.split())), options=both, checkout=checkout).__enter__()


def test_a_stored_side_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.touch()
    with pytest.raises(ValueError, match="is read, not opened"):
        opened(parse_side([f"stored:{file}"])).__enter__()
