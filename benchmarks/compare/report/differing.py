"""What differs between the sides, as lines: what was given for each, and what their artifacts say."""

from __future__ import annotations

from benchmarks.compare.document import CaseComparison, Difference, SideDescription

OF_SIDES = ("details.environment.git_commit", "details.environment.git_dirty")
"""Left out of the lines: the sides know more. A run calls a checkout changed in which its own artifacts lie."""

NOTHING = "nothing that is known"


def differing(case: CaseComparison, base: SideDescription, head: SideDescription) -> list[str]:
    """A line each: what the sides were given, then what their artifacts say."""
    found = [difference_line(each) for each in case.differences if each.field not in OF_SIDES]
    return [*given_differences(base, head), *found] or [NOTHING]


def is_one_program(base: SideDescription, head: SideDescription) -> bool:
    """Whether nothing that was given for the sides differs: then their difference is noise."""
    calls = [(_code(side), side.options, side.environ, side.python) for side in (base, head)]
    return calls[0] == calls[1] and "stored" not in (base.kind, head.kind)


def _code(side: SideDescription) -> tuple[str | None, str | None]:
    """A working tree without changes is its commit."""
    return side.commit, side.fingerprint if side.changed or side.commit is None else None


def given_differences(base: SideDescription, head: SideDescription) -> list[str]:
    """Of code, options and environment variables: what is known before the first run."""
    parts = [
        ("commit", _commit(base), _commit(head)),
        ("uncommitted changes", _changes(base), _changes(head)),
        ("options", " ".join(base.options), " ".join(head.options)),
        ("environment variables", " ".join(base.environ), " ".join(head.environ)),
    ]
    return [f"{name}: {ours or 'none'} -> {theirs or 'none'}" for name, ours, theirs in parts if ours != theirs]


def version_differences(base: SideDescription, head: SideDescription) -> list[str]:
    """Of the versions that are known of both sides."""
    return [
        f"{name}: {version} -> {head.versions[name]}"
        for name, version in base.versions.items()
        if name in head.versions and head.versions[name] != version
    ]


def difference_line(difference: Difference) -> str:
    """Base -> head."""
    name = difference.field.removeprefix("details.").removeprefix("environment.")
    return f"{name}: {difference.base} -> {difference.head}"


def _commit(side: SideDescription) -> str:
    return (side.commit or "")[:7]


def _changes(side: SideDescription) -> str:
    """The fingerprint of a working tree with changes; that of a stored side is one of its figures."""
    if not side.changed:
        return ""
    return (side.fingerprint or "")[:7] if side.kind == "working_tree" else "not known"
