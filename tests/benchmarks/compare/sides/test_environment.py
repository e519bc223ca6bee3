"""The environment of the processes of a side."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.compare.sides.environment import environment_of
from benchmarks.compare.sides.side import parse_side

TREE = Path("/some/tree")


def test_the_variables_of_the_side_are_set_and_the_others_stay() -> None:
    side = parse_side(["environ:A=1", "environ:B=of the side"])
    found = environment_of(side, TREE, {"B": "outer", "HOME": "/home/x"})
    assert (found["A"], found["B"], found["HOME"]) == ("1", "of the side", "/home/x")


def test_packages_of_the_tree_are_found_first() -> None:
    given = {"PYTHONPATH": f"/another/checkout{os.pathsep}", "PYTHONSAFEPATH": "1", "PYTHONHOME": "/x"}
    found = environment_of(parse_side([]), TREE, given)
    assert found["PYTHONPATH"] == f"/some/tree{os.pathsep}/another/checkout"
    assert not {"PYTHONSAFEPATH", "PYTHONHOME"} & found.keys()
    side = parse_side(["environ:PYTHONPATH=/support"])
    assert environment_of(side, TREE, given)["PYTHONPATH"] == f"/some/tree{os.pathsep}/support"


def test_nothing_of_a_pytest_or_git_around_the_comparison_is_left() -> None:
    outer = [
        *("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID"),
        *("OCR_BENCHMARK_RUN", "COV_CORE_SOURCE", "COVERAGE_PROCESS_START", "GIT_DIR", "GIT_INDEX_FILE"),
    ]
    found = environment_of(
        parse_side([]), TREE, {**dict.fromkeys(outer, "x"), "PYTEST_PLUGINS": "a", "GITHUB_SHA": "b"}
    )
    assert not found.keys() & set(outer)
    assert (found["PYTEST_PLUGINS"], found["GITHUB_SHA"]) == ("a", "b")


def test_the_options_of_the_user_stay_but_those_of_a_comparison() -> None:
    found = environment_of(parse_side([]), TREE, {"PYTEST_ADDOPTS": "-v --ocr-compare rev:main"})
    assert found["PYTEST_ADDOPTS"] == "-v"


def test_the_configuration_of_git_stays() -> None:
    """In a container it may say that a checkout of another user is safe."""
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*", "GIT_SSH": "x"}
    assert given.items() <= environment_of(parse_side([]), TREE, given).items()
