"""Configuration and tests of a session of the suite, without pytest around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.cases import Case
from benchmarks.harness.controller.option_table import OPTIONS
from suite import ROOT


class FakeConfig:
    """What the suite uses of pytest.Config.

    Attributes:
        deselected: the tests that were deselected.
    """

    def __init__(
        self,
        given: Mapping[str, Any] | None = None,
        ini: Mapping[str, Any] | None = None,
        *,
        args: Sequence[str] = ("benchmarks",),
        folder: Path = ROOT,
        inipath: Path = ROOT / "pytest.ini",
        cache: Mapping[str, Any] | None = None,
        **option: Any,
    ) -> None:
        """`given` and `ini` have values by the name of the ini key: {"ocr_steps": "3"}. `folder` is the current one."""
        self._given = dict(given or {})
        self._ini = (
            {option.ini: option.default for option in OPTIONS} | {"ocr_case": [], "addopts": []} | dict(ini or {})
        )
        self.args = list(args)
        self.option = SimpleNamespace(**{"verbose": 0, "markexpr": "", "keyword": "", **option})
        flags = {option.ini: option.flag for option in OPTIONS}
        words = [flags[name] for name in self._given if name in flags]
        self.invocation_params = SimpleNamespace(dir=folder, args=words)
        self.rootpath = ROOT
        self.inipath = inipath
        self.cache = None if cache is None else SimpleNamespace(get=lambda name, default: cache.get(name, default))
        self.deselected: list[pytest.Item] = []
        self.hook = SimpleNamespace(pytest_deselected=lambda items: self.deselected.extend(items))

    def getoption(self, name: str) -> Any:
        return self._given.get(name.removeprefix("--").replace("-", "_"))

    def getini(self, name: str) -> Any:
        return self._ini[name]

    def as_pytest(self) -> pytest.Config:
        return cast(pytest.Config, self)


class FakeItem:
    """What the suite uses of pytest.Item: a collected test in a file of the suite."""

    def __init__(self, path: str, markers: Sequence[str], case: Case | None) -> None:
        self.path = ROOT / path
        self.nodeid = f"{path}::test[{case}]"
        self._markers = markers
        if case is not None:
            self.callspec = SimpleNamespace(params={"case": case})

    def __repr__(self) -> str:
        """The same in every worker of xdist: the ids of tests are made of it."""
        return self.nodeid

    def iter_markers(self) -> Iterator[SimpleNamespace]:
        return iter([SimpleNamespace(name=name) for name in self._markers])


def fake_item(path: str, *markers: str, case: Case | None = None) -> pytest.Item:
    return cast(pytest.Item, FakeItem(path, markers, case))
