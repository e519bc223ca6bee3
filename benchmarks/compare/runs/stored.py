"""A side that was measured before: in an earlier comparison, or by a run that left a speed JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import structs

from benchmarks.compare.document import CaseComparison, Comparison, RunFigures, SideDescription
from benchmarks.compare.errors import SideError
from benchmarks.compare.runs.differences import settings_of
from benchmarks.compare.runs.figures import ArtifactError, read_speed_json, run_figures, versions_of
from benchmarks.compare.sides.side import StoredSource, Which
from benchmarks.compare.sides.side_options import AS_COMMON_OPTIONS, option_value
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.documents import Document, at, text
from benchmarks.harness.results.machine_key import differing, machine_key, missing
from benchmarks.harness.results.reading import DocumentError, read_document
from benchmarks.harness.results.redaction import redact

STORED_DRIFT = 0.05
"""Change of the machine that is allowed for by default, as a fraction."""

OPTIONS = {"--ocr-steps": "measured_steps", "--ocr-warmup": "warmup_steps", "--ocr-seed": "seed"}
"""Options that a comparison passes, and the settings in the artifact that they become. A case may need more warm-up."""


@dataclass(frozen=True)
class StoredSide:
    """What is known of it.

    Attributes:
        runs: good runs, in the order of time.
        documents: artifacts of these runs that are still there.
        description: for the new comparison.
        machine: its machine key.
        settings: of the runs, as far as they are known (`differences.settings_of`).
    """

    runs: list[RunFigures]
    documents: list[Document]
    description: SideDescription
    machine: dict[str, str]
    settings: dict[str, str]

    def check_run(self, document: Document) -> None:
        """Compare with the first artifact of the side that is measured now.

        Raises:
            SideError: if machine or settings differ.
        """
        here = machine_key(at(document, "details"))
        if unknown := missing(here):
            raise SideError(
                f"{self.description.title}: cannot be compared with runs of this machine, whose artifacts lack "
                f"{', '.join(unknown)}; measure both sides here"
            )
        _check_machine(self.description.title, self.machine, here)
        now = settings_of(document)
        both = [name for name in self.settings if name in now and self.settings[name] != now[name]]
        if both:
            shown = ", ".join(f"{name}: {self.settings[name]} there, {now[name]} here" for name in both)
            raise SideError(f"{self.description.title}: measured with other settings: {shown}; use the same options")


def stored_runs(source: StoredSource, *, case: str, options: Sequence[str], machine: Mapping[str, str]) -> StoredSide:
    """The stored side of a case.

    Args:
        source: the file.
        case: that is compared.
        options: of both sides, with --ocr-steps, --ocr-warmup and --ocr-seed.
        machine: key of this machine (`machine_key.key_of_this_machine`).

    Raises:
        SideError: if the file cannot be used, or was measured on another machine, of another case, or with other
            settings.
    """
    name = f"stored:{redact(str(source.path))}"
    try:
        content = read_document(source.path)
    except DocumentError as error:
        raise SideError(f"{name}: {error}") from None
    except OSError as error:
        raise SideError(f"{name}: cannot be read: {error.strerror}") from None
    is_comparison = isinstance(content, dict) and "cases" in content and "procedure" in content
    found = _of_comparison(source, name, content, case, options) if is_comparison else _of_artifact(source, name, case)
    if unknown := missing(found.machine):
        raise SideError(f"{name}: does not say on which machine it was measured: it lacks {', '.join(unknown)}")
    _check_machine(name, found.machine, machine)
    _check_options(name, found.settings, options)
    return found


def _of_artifact(source: StoredSource, name: str, case: str) -> StoredSide:
    """A speed JSON is one run."""
    try:
        document = read_speed_json(source.path)
    except ArtifactError as error:
        raise SideError(f"{name}: {error}; name a comparison document or a speed JSON") from None
    if source.which == "base":
        raise SideError(f"{name}#base: a speed JSON is one run and has no base: leave out #base")
    kind, measured = text(document, "details.source"), text(document, "details.case")
    if kind == "log":
        raise SideError(f"{name}: made from a train log, which knows no machine; name the artifact of a run")
    figures = run_figures(source.path, artifact=redact(str(source.path)))
    if figures.failure is not None:
        raise SideError(f"{name}: a failed run has no figures: {figures.failure}")
    if measured is None or at(document, "details.environment") is None:
        raise SideError(f"{name}: its details name no case and no environment, so it cannot be compared")
    _check_case(name, measured, case)
    commit = text(document, "details.environment.git_commit")
    description = SideDescription(
        given=[name],
        kind="stored",
        title=_title(source, f"commit {commit[:7]}" if commit else "", [figures]),
        commit=commit,
        changed=at(document, "details.environment.git_dirty") is True,
        fingerprint=_fingerprint([figures]),
        python="not known",
        options=[],
        environ=[],
        light=kind == "light_run",
        stored_runs=1,
        versions=versions_of(document),
    )
    key = machine_key(document["details"])
    return StoredSide([figures], [document], description, key, settings_of(document))


def _of_comparison(source: StoredSource, name: str, content: object, case: str, options: Sequence[str]) -> StoredSide:
    try:
        comparison = msgspec.convert(content, Comparison)
    except msgspec.ValidationError as error:
        raise SideError(f"{name}: not a comparison document of this version: {printable_line(str(error))}") from None
    side = comparison.base if source.which == "base" else comparison.head
    if side.kind == "stored":
        raise SideError(f"{name}#{source.which}: is itself a stored side: name the file that it came from")
    found = _case_of(comparison, source.which, name, case)
    if found.verdict.word == "failed":
        raise SideError(f"{name}#{source.which}: the comparison failed: {found.verdict.sentence}; measure it again")
    sides = [pair.base if source.which == "base" else pair.head for pair in found.pairs if pair.counted]
    runs = [run for run in sides if run is not None and run.failure is None and run.samples_per_second]
    if not runs:
        raise SideError(f"{name}#{source.which}: has no good run of {case}")
    documents = _documents(source.path.parent, runs)
    _check_common_options(name, comparison.procedure.common_options, options)
    description = structs.replace(
        side,
        given=[f"{name}#{source.which}"],
        kind="stored",
        title=_title(source, side.title, runs),
        fingerprint=_fingerprint(runs),
        stored_runs=len(runs),
    )
    settings = settings_of(documents[0]) if documents else {}
    return StoredSide(runs, documents, description, dict(comparison.machine), settings)


def _case_of(comparison: Comparison, which: Which, name: str, case: str) -> CaseComparison:
    measured = {each.base_case if which == "base" else each.head_case: each for each in comparison.cases}
    if case not in measured:
        raise SideError(f"{name}#{which}: has no runs of {case}; its cases: {', '.join(measured)}")
    return measured[case]


def _documents(folder: Path, runs: Sequence[RunFigures]) -> list[Document]:
    """The artifacts of the runs that are still there, and are still those of the runs."""
    found = []
    for run in runs:
        try:
            document = read_speed_json(folder / run.artifact)
        except ArtifactError:
            continue
        if text(document, "details.run_id") == run.run_id:
            found.append(document)
    return found


def _check_case(name: str, measured: str, case: str) -> None:
    if measured != case:
        raise SideError(f"{name}: measured {measured}, not {case}: name an artifact of the same case")


def _check_machine(name: str, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    if found := differing(there, here):
        raise SideError(f"{name}: measured on another machine: {'; '.join(found)}; measure both sides here")


def _check_options(name: str, settings: Mapping[str, str], options: Sequence[str]) -> None:
    """Of the settings that follow from an option: what is known before the first run of the other side."""
    for option, setting in OPTIONS.items():
        now = option_value(options, option)
        there = settings.get(setting)
        if now is None or there is None or now == there or not now.isdecimal():
            continue  # what `auto` is, `check_run` will tell
        if setting == "warmup_steps" and int(there) > int(now):
            continue  # the case may have needed more: `check_run` will tell
        raise SideError(
            f"{name}: measured with {option} {there}, but this comparison has {now}: give both sides "
            f"{option} {there}{AS_COMMON_OPTIONS}"
        )


def _check_common_options(name: str, there: Sequence[str], here: Sequence[str]) -> None:
    if _values(there) != _values([printable_line(redact(word)) for word in here]):
        raise SideError(
            f"{name}: measured with the options {' '.join(there) or '(none)'}, "
            f"but this comparison has {redact(' '.join(here)) or '(none)'}: give both sides the same{AS_COMMON_OPTIONS}"
        )


def _values(words: Sequence[str]) -> dict[str, list[str]]:
    """Options with their values, the last of each, in whatever order and form they were given."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            found[name] = [value] if equals else []
        else:
            found.setdefault(name, []).append(word)
    return found


def _fingerprint(runs: Sequence[RunFigures]) -> str:
    """By which --resume knows them again. A run has the same one whenever it is read."""
    figures = [(run.run_id, run.samples_per_second, run.cpu_seconds_per_sample) for run in runs]
    return hashlib.sha256(msgspec.json.encode(figures)).hexdigest()


def _title(source: StoredSource, code: str, runs: Sequence[RunFigures]) -> str:
    first, last = f"{runs[0].started_at:%Y-%m-%d}", f"{runs[-1].started_at:%Y-%m-%d}"
    when = first if first == last else f"{first} to {last}"
    count = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    return printable_line(redact(f"{source.path.name}{f': {code}' if code else ''}, {count} of {when}"))
