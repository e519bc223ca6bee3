"""What differs between the sides, as lines: what was given for each, and what their artifacts say."""

from __future__ import annotations

from benchmarks.compare.document import CaseComparison, Difference, SideDescription

COMMIT = "details.environment.git_commit"
"""Left out of the lines: the sides name their commits."""

NOTHING = "nothing that is known"


def differing(case: CaseComparison, base: SideDescription, head: SideDescription) -> list[str]:
    """A line each: what the sides were given, then what their artifacts say."""
    found = [difference_line(each) for each in case.differences if each.field != COMMIT]
    return [*given_differences(base, head), *found] or [NOTHING]


def given_differences(base: SideDescription, head: SideDescription) -> list[str]:
    """Of code, options and environment variables: what is known before the first run."""
    parts = [
        ("commit", _commit(base), _commit(head)),
        ("uncommitted changes", _changes(base, head), _changes(head, base)),
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


def _changes(side: SideDescription, other: SideDescription) -> str:
    """The fingerprint of a working tree, if both are working trees of one commit: else the titles say it."""
    alike = side.kind == other.kind == "working_tree" and side.commit == other.commit
    return (side.fingerprint or "")[:7] if alike else ""
