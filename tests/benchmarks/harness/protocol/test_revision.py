"""Which commit of the suite runs."""

from __future__ import annotations

import re

import pytest

from benchmarks.harness.protocol import revision as module
from benchmarks.harness.protocol.revision import Revision, revision


def test_the_commit_of_the_checkout_is_known_and_whether_files_differ_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"status": " M README.md", "rev-parse": "a" * 40}
    monkeypatch.setattr(module, "_git", lambda command, *_: answers[command])
    assert revision() == Revision("a" * 40, True)
    answers["status"] = ""
    assert revision() == Revision("a" * 40, False)


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("OCR_GIT_COMMIT", raising=False)
    assert revision() == Revision(None, None)


@pytest.mark.parametrize(("given", "commit"), [("c" * 40, "c" * 40), ("", None), ("main", None), ("c" * 41, None)])
def test_without_a_checkout_the_commit_of_the_image_is_known(
    monkeypatch: pytest.MonkeyPatch, given: str, commit: str | None
) -> None:
    monkeypatch.setattr(module, "_git", lambda *_: None)
    monkeypatch.setenv("OCR_GIT_COMMIT", given)
    assert revision().commit == commit


def test_a_commit_has_forty_digits() -> None:
    commit = module._git("rev-parse", "HEAD")
    assert commit is None or re.fullmatch("[0-9a-f]{40}", commit)
