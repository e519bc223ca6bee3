"""What differs between the sides, by their artifacts: settings, data, versions, hardware; and what was computed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

from benchmarks.compare.document import Difference
from benchmarks.harness.protocol.reference import COUNT
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.documents import Document, at
from benchmarks.harness.results.printable import shorten
from benchmarks.harness.results.redaction import redact

COMPARED = re.compile(
    "|".join(
        [
            r"model_name|run_mode|gpu_num|UNIT",
            r"details\.(case|precision_requested|compile|compile_mode|image_size)",
            r"details\.(warmup_steps|measured_steps|batch_size_per_process|nodes|processes)",
            r"details\.(threads_per_process|loader_workers_per_process|seed|data_source|image_cache)",
            r"details\.(samples|gradient_bytes|flops_per_sample|memory_format|device|first_layer_shape|strict_machine)",
            r"details\.precision\.\w+",
            r"details\.data\.(layout|images)",
            r"details\.environment\.\w+",
            r"details\.training\.\d+\.(steps_before|input\.\w+)",
            r"details\.training\.\d+\.samples\.(count|epoch_length|positions_sha256|same_content)",
            r"details\.training\.\d+\.parameters\.(trainable|dtypes)",
            r"details\.training\.\d+\.compile\.(graphs|graph_breaks|failed_frames|eager_layers)",
        ]
    )
)
"""Paths of the fields that are compared: what was asked for and what it ran on. No times, rates, or peaks of memory,
which differ between any two runs.
"""

FOLLOWS_FROM = {"details.batch_size_per_process": "details.case", "model_name": "details.case"}
"""A field that need not be listed if another one is."""

COMPUTED = re.compile(
    r"details\.(loss_first|loss_last)\.\w+|details\.reference_check\.figures\.\w+"
    r"|details\.ranks\.\d+\.(probes\.)?graph_check\.figures\.\w+"
)
"""Paths of the figures that show what a training computes."""

TOLERANCE = re.compile(COMPUTED.pattern.replace("figures", "tolerance"))
"""Paths of the relative deviations that the checks allow their figures."""

ROUNDING = 1e-6
"""Relative: of float32. Figures that differ less are the same."""

LEAST_RUNS = 3
"""Runs of each side whose ranges say how much a figure varies. With five, ranges of equal sides that are farther apart
than the wider of them is are as rare as 5 in 100,000 (normal values; with three 8 in 1000, with two 9 in 100)."""

MAX_CHARACTERS = 200


def differences(base: Document, head: Document) -> list[Difference]:
    """Of two good artifacts, a field each. A field that only one of them has is no difference: the formats of their
    revisions differ. `null`, however, is a value.
    """
    ours, theirs = dict(_fields(base, COMPARED)), dict(_fields(head, COMPARED))
    names = [name for name in ours if name in theirs and ours[name] != theirs[name]]
    return [
        Difference(field=name, base=_shown(ours[name]), head=_shown(theirs[name]))
        for name in names
        if FOLLOWS_FROM.get(name) not in names
    ]


def training_changes(base_runs: Sequence[Document], head_runs: Sequence[Document]) -> list[Difference]:
    """Losses and figures of the checks that differ between the sides by more than between runs of one side.

    With equal seeds a training on the CPU repeats exactly; on a GPU the order of sums varies. So figures are compared
    as ranges: those of the two sides must be farther apart than the wider of them, and than the rounding of float32.
    Fewer than `LEAST_RUNS` runs on a GPU do not show how much a figure varies: then those of the checks, which light
    runs lack, must be farther apart than their check tolerates, and losses show nothing.
    """
    return [
        Difference(field=each.name, base=_range_shown(each.base), head=_range_shown(each.head))
        for each in _figures(base_runs, head_runs)
        if _apart(each.base, each.head, each.tolerance)
    ]


def training_is_compared(base_runs: Sequence[Document], head_runs: Sequence[Document]) -> bool:
    """Whether `training_changes` can compare any figure of these runs."""
    return any(True for _ in _figures(base_runs, head_runs))


class _Figure(NamedTuple):
    """The values of both sides, and the relative difference that says nothing."""

    name: str
    base: list[float]
    head: list[float]
    tolerance: float


def _figures(base_runs: Sequence[Document], head_runs: Sequence[Document]) -> Iterator[_Figure]:
    ours, theirs = _values(base_runs), _values(head_runs)
    exact = all(run.get("gpu_num") == 0 for run in (*base_runs, *head_runs))
    tolerances = [dict(_fields(run, TOLERANCE)) for run in (*base_runs, *head_runs)]
    for name in ours:
        if name not in theirs:
            continue
        known = exact or min(len(ours[name]), len(theirs[name])) >= LEAST_RUNS
        tolerance = ROUNDING if known else _tolerance(name, tolerances)
        if tolerance is not None:
            yield _Figure(name, ours[name], theirs[name], tolerance)


def _fields(document: Document, wanted: re.Pattern[str]) -> Iterator[tuple[str, object]]:
    """Path and value of each field whose path is wanted."""
    open_values: list[tuple[str, object]] = [("", document)]
    while open_values:
        path, value = open_values.pop()
        if wanted.fullmatch(path):
            yield path, value
        elif isinstance(value, Mapping):
            open_values += [
                (f"{path}.{name}" if path else str(name), each) for name, each in reversed(list(value.items()))
            ]
        elif isinstance(value, list):
            open_values += [(f"{path}.{index}", each) for index, each in reversed(list(enumerate(value)))]


def _values(runs: Sequence[Document]) -> dict[str, list[float]]:
    """Values of each figure; of those that a light run lacks, in the others."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for name, value in _fields(run, COMPUTED):
            if _is_number(value):
                found.setdefault(name, []).append(value)
    return found


def _tolerance(name: str, tolerances: Sequence[Mapping[str, object]]) -> float | None:
    """The largest that the checks of the runs have for a figure; None if they have none, as for losses of training."""
    check, _, figure = name.rpartition(".figures.")
    if figure == COUNT:
        return ROUNDING
    names = (f"{check}.tolerance.{figure}", f"{check}.tolerance.loss")  # `loss` applies to every loss
    found = [next((each[name] for name in names if name in each), None) for each in tolerances]
    return max((value for value in found if _is_number(value)), default=None)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _apart(ours: Sequence[float], theirs: Sequence[float], tolerance: float) -> bool:
    gap = max(min(ours) - max(theirs), min(theirs) - max(ours))
    spread = max(max(ours) - min(ours), max(theirs) - min(theirs))
    return gap > spread + tolerance * max(map(abs, (*ours, *theirs)))


def _range_shown(values: Sequence[float]) -> str:
    low, high = f"{min(values):.7g}", f"{max(values):.7g}"
    return low if low == high else f"{low} to {high}"


def _shown(value: object) -> str:
    """A value as JSON, text without quotes."""
    text = value if isinstance(value, str) else json.dumps(value)
    return shorten(printable_line(redact(text)) or "(empty)", MAX_CHARACTERS)


def settings_of(document: Document) -> dict[str, str]:
    """The settings that two sides must have in common: a stored side is refused if one differs."""
    names = [
        *("warmup_steps", "measured_steps", "batch_size_per_process", "processes", "image_size", "seed"),
        *("data_source", "image_cache", "loader_workers_per_process", "threads_per_process"),
    ]
    found = {name: at(document, f"details.{name}") for name in names}
    found |= {f"data.{name}": at(document, f"details.data.{name}") for name in ("layout", "images")}
    return {name: _shown(value) for name, value in found.items() if value is not None}
