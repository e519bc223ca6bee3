"""A side of a comparison as given: what is measured, and with what."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.cases import CaseError, parse_case
from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.paths import full_path
from benchmarks.compare.sides.side_options import split_options
from benchmarks.harness.protocol.processes import COMMAND_VARIABLE, TOKEN_VARIABLE
from benchmarks.harness.results.redaction import redact

KINDS = (
    '., tree:FOLDER, rev:GIT, env:PYTHON, case:NAME, options:"--ocr-...", environ:NAME=VALUE, stored:FILE[#base|#head]'
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Which = Literal["base", "head"]


@dataclass(frozen=True)
class StoredSource:
    """A side of an earlier comparison, or an artifact."""

    path: Path
    which: Which


@dataclass(frozen=True)
class Side:
    """What a side consists of.

    Attributes:
        given: the texts of the command line.
        tree: folder of another checkout; None for that of the command.
        revision: of git, whose files are used instead of the working tree; None without.
        python: what `env:` names; None for the interpreter of the command.
        case: instead of that of the comparison; None without.
        options: of pytest, for this side alone.
        environ: variables, for this side alone.
        stored: None if the side is measured.
    """

    given: tuple[str, ...]
    tree: Path | None = None
    revision: str | None = None
    python: str | None = None
    case: str | None = None
    options: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    stored: StoredSource | None = None

    def case_for(self, case: str) -> str:
        """The case that this side measures in the comparison of a case."""
        return self.case or case


def parse_side(texts: Sequence[str]) -> Side:
    """The side that these texts describe together; without any, the working tree.

    Raises:
        SideError: if a text is not one of KINDS, or contradicts another one.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        kind, value = _split(text)
        found.setdefault(kind, []).append(value)
    _check_combination(found, texts)
    stored = found.get("stored")
    return Side(
        given=tuple(texts) or (".",),
        tree=_tree(found["tree"][0]) if "tree" in found else None,
        revision=found["rev"][0] if "rev" in found else None,
        python=found["env"][0] if "env" in found else None,
        case=_case(found["case"][0]) if "case" in found else None,
        options=tuple(word for text in found.get("options", []) for word in split_options(text)),
        environ=_environ(found.get("environ", [])),
        stored=_stored(stored[0]) if stored else None,
    )


def _split(text: str) -> tuple[str, str]:
    if text == ".":
        return ".", text
    kind, colon, value = text.partition(":")
    if not colon or kind not in ("tree", "rev", "env", "case", "options", "environ", "stored"):
        raise SideError(f"{redact(text)!r} is not a side{_nearest(text)}; a side is one of {KINDS}")
    if not value or "\0" in value:
        raise SideError(f"{redact(text)!r}: nothing follows the colon that can be used; a side is one of {KINDS}")
    return kind, value


def _nearest(text: str) -> str:
    if text and Path(text).is_dir():
        return f": for a folder write tree:{redact(text)}"
    if Path(text).is_file():
        return f": for an earlier result write stored:{redact(text)}"
    return f": for a revision write rev:{text}" if re.fullmatch(r"[\w./~^@-]+", text) else ""


def _check_combination(found: dict[str, list[str]], texts: Sequence[str]) -> None:
    shown = ", ".join(redact(text) for text in texts if not text.startswith("environ:"))  # may be secret
    code = [kind for kind in (".", "tree", "rev", "stored") if kind in found]
    for kind in (".", "tree", "rev", "env", "case", "stored"):
        if len(found.get(kind, [])) > 1:
            raise SideError(f"{shown}: a side has at most one {kind}{'' if kind == '.' else ':'}")
    if "stored" in found and len(found) > 1:
        raise SideError(f"{shown}: a stored side was measured already, so stored: stands alone")
    if len(code) > 1:
        raise SideError(f"{shown}: a side has one source of its code: ., tree: or rev:")


def _tree(text: str) -> Path:
    path = full_path(text, "tree:")
    if not path.is_dir():
        raise SideError(f"tree:{redact(text)}: there is no such folder; name the root of another checkout")
    if not (path / "benchmarks").is_dir() or not (path / "pytest.ini").is_file():
        raise SideError(f"tree:{redact(text)}: has no benchmarks/ and pytest.ini; name the root of a checkout")
    return path


def _case(text: str) -> str:
    try:
        return str(parse_case(text))
    except CaseError as error:
        raise SideError(f"case:{error}") from None


def _environ(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or NAME.fullmatch(name) is None:
            raise SideError(f"environ:{redact(name)} is not NAME=VALUE; NAME has letters, digits and _")
        if name in (TOKEN_VARIABLE, COMMAND_VARIABLE):
            raise SideError(f"environ:{name}: the suite itself sets this variable; leave it out")
        if name in found:
            raise SideError(f"environ:{name} is given twice")
        if name == "PYTEST_ADDOPTS" and value:
            split_options(value, "environ:PYTEST_ADDOPTS")
        found[name] = value
    return tuple(found.items())


def _stored(text: str) -> StoredSource:
    which: Which = "head"
    if text.endswith("#base"):
        text, which = text.removesuffix("#base"), "base"
    else:
        text = text.removesuffix("#head")
    path = full_path(text, "stored:")
    if not path.is_file():
        reason = "not a regular file" if os.path.lexists(path) else "there is no such file"
        raise SideError(f"stored:{redact(text)}: {reason}; name a comparison document or a speed JSON")
    return StoredSource(path, which)
