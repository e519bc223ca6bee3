"""The real procedure, fed with simulated pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.compare.document import MachineState, ProcedureParameters, RunFigures, Word
from benchmarks.compare.judging.procedure import Procedure
from benchmarks.compare.judging.statistics import looks
from benchmarks.compare.runs.figures import pair
from benchmarks.compare.runs.stored import STORED_DRIFT
from benchmarks.compare.self_test.noise import Model, Runs

ALPHA = 0.05
ALLOWED = 0.03
MAX_PAIRS = 12
STARTED_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Tally:
    """How many replays ended how."""

    replays: int
    words: Counter[Word]
    pairs: float
    """Mean number of pairs, repeated ones included."""
    pair_deviation: float
    """Of the log ratio of the wall clock, between equal sides."""

    def share(self, *words: Word) -> float:
        """Of the replays that ended with one of `words`."""
        return sum(self.words[word] for word in words) / self.replays


def parameters(seed: int, *, allowed: float = ALLOWED, max_pairs: int = MAX_PAIRS) -> ProcedureParameters:
    """Those that the command has by default."""
    return ProcedureParameters(
        allowed_slowdown=allowed,
        alpha=ALPHA,
        looks=list(looks(max_pairs)),
        max_pairs=max_pairs,
        budget_minutes=None,
        max_attempts=3,
        max_repeats=max_pairs // 2,
        seed=seed,
        stored_drift=STORED_DRIFT,
        common_options=[],
    )


def replay(
    model: Model,
    random: Generator,
    replays: int,
    *,
    slowdown: float = 0.0,
    cpu_slowdown: float | None = None,
    allowed: float = ALLOWED,
    max_pairs: int = MAX_PAIRS,
) -> Tally:
    """Whole comparisons of equal sides, or with a head whose throughput is lower by `slowdown`.

    `cpu_slowdown` is that of samples per CPU second: the same by default, 0 for a head that sleeps.
    """
    runs = model.draw(random, (replays, 2 * (max_pairs + max_pairs // 2)))
    seconds = runs.step_seconds.mean(axis=2)
    factors = (1 - slowdown, 1 - (slowdown if cpu_slowdown is None else cpu_slowdown))
    words: Counter[Word] = Counter()
    pairs = 0
    for index, seed in enumerate(random.integers(2**31, size=replays).tolist()):
        procedure = Procedure(parameters(seed, allowed=allowed, max_pairs=max_pairs), device="cpu", alpha=ALPHA)
        words[_compare(procedure, seconds[index], runs, index, factors)] += 1
        pairs += len(procedure.pairs)
    deviation = float(np.std(np.diff(np.log(seconds))))
    return Tally(replays, words, pairs / replays, deviation)


def _compare(
    procedure: Procedure, seconds: NDArray[np.float64], runs: Runs, index: int, factors: tuple[float, float]
) -> Word:
    """Measures pair after pair, each from the next two runs; returns the verdict."""
    rates, cpu = (1 / seconds).tolist(), runs.cpu_seconds[index].tolist()
    disturbed = runs.disturbed[index].tolist()
    run = 0
    while (turn := procedure.next()) is not None:
        base, head = (run + 1, run) if turn.head_first else (run, run + 1)
        procedure.add(
            pair(
                turn.number,
                turn.attempt,
                head_first=turn.head_first,
                base=figures(rates[base], cpu[base], disturbed[base]),
                head=figures(rates[head] * factors[0], cpu[head] / factors[1], disturbed[head]),
            )
        )
        if procedure.look_is_due():
            procedure.look(procedure.alpha)
        run += 2
    return procedure.current().word


def figures(samples_per_second: float, cpu_seconds_per_sample: float, disturbed: bool) -> RunFigures:
    """A run that has all figures."""
    machine: MachineState = "disturbed" if disturbed else "quiet"
    return RunFigures(
        artifact="-",
        run_id=None,
        started_at=STARTED_AT,
        command_seconds=0.0,
        samples_per_second=samples_per_second,
        cpu_seconds_per_sample=cpu_seconds_per_sample,
        threads=1,
        cpu_source="ranks",
        processes=1,
        loader_workers=0,
        machine=machine,
        reasons=[],
        light=False,
        failure=None,
    )
