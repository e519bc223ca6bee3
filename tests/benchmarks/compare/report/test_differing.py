"""What differs between the sides, as lines."""

from __future__ import annotations

import pytest
from msgspec import structs

from benchmarks.compare.document import Difference, SideDescription
from benchmarks.compare.report.differing import (
    OF_SIDES,
    differing,
    given_differences,
    is_one_program,
    version_differences,
)
from compared import case
from comparisons import side_description

TREE = side_description(kind="working_tree", commit="a" * 40, fingerprint="1" * 64, changed=True)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (structs.replace(TREE, commit="b" * 40), "commit: aaaaaaa -> bbbbbbb"),
        (structs.replace(TREE, commit=None), "commit: aaaaaaa -> none"),
        (structs.replace(TREE, fingerprint="2" * 64), "uncommitted changes: 1111111 -> 2222222"),
        (structs.replace(TREE, kind="revision", changed=False), "uncommitted changes: 1111111 -> none"),
        (structs.replace(TREE, kind="stored"), "uncommitted changes: 1111111 -> not known"),
        (structs.replace(TREE, options=["--ocr-steps", "5"]), "options: none -> --ocr-steps 5"),
        (structs.replace(TREE, environ=["A=1", "B=2"]), "environment variables: none -> A=1 B=2"),
    ],
)
def test_what_was_given_for_each_side(head: SideDescription, line: str) -> None:
    assert given_differences(TREE, head) == [line]
    assert differing(case(), TREE, head) == [line]


def test_the_fingerprint_of_stored_figures_is_no_difference_of_code() -> None:
    clean = structs.replace(TREE, changed=False)
    assert given_differences(clean, structs.replace(clean, kind="stored", fingerprint="2" * 64)) == []


@pytest.mark.parametrize(
    ("head", "same"),
    [
        (TREE, True),
        (structs.replace(TREE, fingerprint="2" * 64), False),
        (structs.replace(TREE, environ=["A=1"]), False),
        (structs.replace(TREE, kind="stored"), False),
        (structs.replace(TREE, kind="revision", changed=False, fingerprint=None), False),
    ],
)
def test_whether_the_sides_are_one_program(head: SideDescription, same: bool) -> None:
    assert is_one_program(TREE, head) is same


def test_a_working_tree_without_changes_is_its_commit() -> None:
    clean = structs.replace(TREE, changed=False)
    assert is_one_program(clean, structs.replace(clean, kind="revision", fingerprint=None))
    no_git = structs.replace(clean, commit=None)
    assert not is_one_program(no_git, structs.replace(no_git, fingerprint="2" * 64))


def test_versions_that_only_one_side_knows_are_no_difference() -> None:
    base, head = (structs.replace(TREE, versions=each) for each in ({"torch": "2.13", "a": "1"}, {"torch": "2.14"}))
    assert version_differences(base, head) == ["torch: 2.13 -> 2.14"]


def test_commits_are_said_once_and_names_are_short() -> None:
    fields = [*OF_SIDES, "details.environment.torch", "details.image_cache", "gpu_num"]
    found = case(differences=[Difference(field=each, base="1", head="2") for each in fields])
    assert differing(found, TREE, structs.replace(TREE, commit="b" * 40)) == [
        *("commit: aaaaaaa -> bbbbbbb", "torch: 1 -> 2", "image_cache: 1 -> 2", "gpu_num: 1 -> 2")
    ]
