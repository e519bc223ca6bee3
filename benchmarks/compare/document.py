"""The comparison document: what `comparisons/<name>.json` contains. Its schema is generated from these types.

Ratios are head / base, so above 1 the head is better: `ratio` of throughputs (wall clock), `cpu_ratio` of samples per
CPU second.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from benchmarks.harness.protocol.quantities import (
    Amount,
    Count,
    Line,
    PositiveCount,
    PositiveRatio,
    PositiveSeconds,
    SamplesPerSecond,
    Seconds,
    Text,
    about,
)
from benchmarks.harness.results.artifact import CASE_PATTERN, UtcTime

FOLDER = "comparisons"
"""Of an output folder: where the documents are."""

COMPARISON_VERSION = 1
"""To be raised with every change of a field after a release."""

Measure = Literal["wall", "cpu"]
"""Throughput by the wall clock; samples per CPU second of the ranks."""

Word = Literal["slower", "faster", "no slower", "cannot tell", "failed"]
"""A verdict on the head. `docs/comparing.md` defines each."""

MachineState = Literal["quiet", "disturbed", "unknown"]
"""The machine verdict of a run; unknown if its artifact has none."""

StoppedBy = Literal["settled", "max_pairs", "budget", "failure", "interrupted"]
"""Why no more pairs were measured."""

CaseName = Annotated[str, Meta(description="name of the case", pattern=CASE_PATTERN)]


class RunFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of one side: one pytest command, in fresh processes."""

    artifact: Annotated[Text, about("path of its speed JSON, or of its log; relative to the folder of the document")]
    run_id: Annotated[str | None, about("of the artifact; null if it has none")]
    started_at: Annotated[UtcTime, about("UTC")]
    command_seconds: Annotated[Seconds, about("of the whole command")]
    samples_per_second: Annotated[SamplesPerSecond | None, about("throughput; null if the run failed")]
    cpu_seconds_per_sample: Annotated[
        PositiveSeconds | None, about("CPU seconds of the ranks in the measured steps; null on a GPU or if not known")
    ]
    threads: Annotated[PositiveCount | None, about("torch's threads of all ranks; null if not known")]
    cpu_source: Annotated[
        Literal["ranks", "case"] | None,
        about("who counted the CPU seconds: each rank its own, or the sampler of the machine, loader included"),
    ] = None
    case_cpu_seconds_per_sample: Annotated[
        PositiveSeconds | None,
        about("counted by the sampler of the machine; compared if only the ranks of one side counted"),
    ] = None
    processes: Annotated[Count | None, about("ranks; null if not known")] = None
    loader_workers: Annotated[Count | None, about("loader processes of each rank; null if not known")] = None
    machine: Annotated[MachineState, about("machine verdict of the measured steps")]
    reasons: Annotated[list[Line], about("why the machine was disturbed")]
    light: Annotated[bool, about("whether --ocr-light left out the probes")]
    failure: Annotated[Line | None, about("why the run has no result")]


class Pair(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of each side, one right after the other. With a stored side, a run of the other side alone."""

    number: Annotated[PositiveCount, about("of the pair; repeated attempts have the same number")]
    attempt: Annotated[PositiveCount, about("2 or more: the attempt before was disturbed and is not counted")]
    head_first: Annotated[bool, about("order of the two runs, drawn at random")]
    counted: Annotated[bool, about("whether it is the last attempt of its number")]
    base: Annotated[RunFigures | None, about("null if the side is stored")]
    head: Annotated[RunFigures | None, about("null if the side is stored")]
    ratio: Annotated[PositiveRatio | None, about("throughput of head / base; null if a side failed or is stored")]
    cpu_ratio: Annotated[PositiveRatio | None, about("samples per CPU second, head / base; null if not known")]


class RatioInterval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A t interval on the mean log ratio of the counted pairs, as ratios head / base. With a stored side: Welch's on
    the runs of both sides, widened by the drift.
    """

    ratio: Annotated[
        PositiveRatio, about("geometric mean of the pairs' ratios; with a stored side, of the sides' means")
    ]
    low: Annotated[PositiveRatio, about("lower end of the interval")]
    high: Annotated[PositiveRatio, about("upper end of the interval")]
    pair_deviation: Annotated[Amount, about("standard deviation of the log ratio of one pair")]
    pairs: Annotated[PositiveCount, about("number of pairs in it; with a stored side, of new runs")]
    level: Annotated[float, Meta(description="error probability of this one interval, both sides together", gt=0, lt=1)]


class Verdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the pairs show of the head, compared with the base."""

    word: Annotated[Word, about("the verdict")]
    rests_on: Annotated[
        list[Measure], about("the measures that support it; empty if there is no interval, or a run failed")
    ]
    wall: Annotated[RatioInterval | None, about("of throughput; null if there are too few runs")]
    cpu: Annotated[RatioInterval | None, about("of samples per CPU second; null if not known")]
    pairs_needed: Annotated[
        PositiveCount | None,
        about("pairs that would tell, at this noise, with probability 0.8; null if decided or not known"),
    ]
    sentence: Annotated[Line, about("the verdict in words, with its figures")]


class Difference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of the artifacts that differs between the sides."""

    field: Annotated[Text, about("path in the artifact, for example details.environment.torch")]
    base: Annotated[Text, about("value")]
    head: Annotated[Text, about("value")]


class CaseComparison(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case, compared."""

    base_case: CaseName
    head_case: Annotated[str, Meta(description="differs from base_case with case:NAME", pattern=CASE_PATTERN)]
    alpha: Annotated[float, Meta(description="error probability of this case, all looks together", gt=0, lt=1)]
    base_samples_per_second: Annotated[SamplesPerSecond | None, about("geometric mean of the runs that count")] = None
    head_samples_per_second: Annotated[SamplesPerSecond | None, about("geometric mean of the runs that count")] = None
    pairs: Annotated[list[Pair], about("in the order of time, repeated ones included")]
    verdict: Verdict
    finished: Annotated[bool, about("whether the verdict is final")]
    stopped_by: Annotated[StoppedBy | None, about("null while pairs are measured")]
    differences: Annotated[list[Difference], about("settings, data, versions and hardware that differ")]
    training_changes: Annotated[
        list[Difference], about("losses and reference figures that differ: the sides compute different things")
    ]
    remarks: Annotated[list[Line], about("what a reader should know, a line each")]


class SideDescription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side, as given and as found."""

    given: Annotated[list[Line], about("as on the command line, for example rev:main")]
    kind: Annotated[Literal["working_tree", "revision", "stored"], about("where its code or its figures come from")]
    title: Annotated[Line, about("one line that says what it is, for example `main (3f2a91c)`")]
    commit: Annotated[str | None, about("of its checkout; null if there is none")]
    changed: Annotated[bool, about("whether its files differ from its commit")] = False
    fingerprint: Annotated[
        str | None, about("hash of the files of a working tree, or of the figures of stored runs; else null")
    ]
    python: Annotated[Line, about("interpreter; paths without private data")]
    options: Annotated[list[Line], about("pytest options of this side alone")]
    environ: Annotated[list[Line], about("variables of this side alone, NAME=VALUE; secrets removed")]
    light: Annotated[
        bool, about("whether its suite knows --ocr-light; of a stored artifact, whether it is of a light run")
    ]
    stored_runs: Annotated[Count, about("runs of a stored side; else 0")]
    versions: Annotated[
        dict[str, str], about("python, torch, ... of its first run; before it, only those of env: are known")
    ]


class ProcedureParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the pairs are measured and judged."""

    allowed_slowdown: Annotated[float, Meta(description="as a fraction: 0.03 is 3 %", gt=0, lt=1)]
    alpha: Annotated[float, Meta(description="error probability of all cases and looks together", gt=0, lt=1)]
    looks: Annotated[list[PositiveCount], about("numbers of pairs after which the interval is looked at")]
    max_pairs: Annotated[PositiveCount, about("--max-pairs")]
    budget_minutes: Annotated[PositiveRatio | None, about("--budget; null without limit")]
    max_attempts: Annotated[PositiveCount, about("of one pair whose runs are disturbed")]
    max_repeats: Annotated[Count, about("of all pairs of a case together")]
    seed: Annotated[Count, about("of the order of the runs")]
    stored_drift: Annotated[Amount, about("drift allowed for between a stored side and now, as a fraction")]
    full: Annotated[bool, about("--full: all pairs are measured with the probes, not only the first")] = False
    common_options: Annotated[list[Line], about("pytest options of both sides: those after --, seed and steps")]


class Comparison(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two sides, compared in one or several cases."""

    schema_version: Annotated[Literal[1], about("version of this format")]
    suite_version: Annotated[Text, about("version of this project")]
    name: Annotated[Text, about("of the comparison, and of its file unless that was renamed since")]
    started_at: Annotated[UtcTime, about("UTC")]
    updated_at: Annotated[UtcTime, about("UTC; of the last pair or of the end")]
    measuring_seconds: Annotated[Seconds, about("spent on runs, earlier parts of a resumed comparison included")]
    finished: Annotated[bool, about("whether all verdicts are final")]
    base: SideDescription
    head: SideDescription
    procedure: ProcedureParameters
    machine: Annotated[dict[str, str], about("machine key: hardware and driver; a stored side must have the same")]
    cases: Annotated[list[CaseComparison], Meta(min_length=1)]
