"""The self-test: `python -m benchmarks.compare --self-test` prints false alarms and power, beside usual tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import Generator
from scipy import stats

from benchmarks.compare.document import Word
from benchmarks.compare.self_test.baselines import BLOCK, findings
from benchmarks.compare.self_test.noise import RECORDED, Model, models, recorded
from benchmarks.compare.self_test.recorded_loads import replay_recorded_load
from benchmarks.compare.self_test.replay import ALLOWED, ALPHA, MAX_PAIRS, Tally, replay
from benchmarks.harness.report.tables import table

PAIR_DEVIATION = 0.02
STRICTLY_ALLOWED = 0.0001
"""No comparison of equal sides then ends early as "no slower": all looks are taken, and may err."""
SLOWDOWNS = (0.03, 0.05, 0.10)
FALSE_VERDICTS = 0.005
"""Probability that a procedure whose promises are just kept fails the self-test."""
LEAST_REPLAYS = 200
"""Of each line. Fewer show no promise of 2.5 %."""


def main(replays: int, seed: int) -> int:
    """Print the tables. Exit code 1 if the procedure errs more often than it promises, beyond sampling error."""
    random = np.random.default_rng(seed)
    noises = models(PAIR_DEVIATION)
    if RECORDED.is_file():
        noises += [recorded(disturbed=False), recorded(disturbed=True)]
    else:
        print("The recorded runs are only in a checkout of the project: simulated ones alone are replayed.")
    print(
        f"{replays} comparisons per line; allowed slow-down {ALLOWED:.0%}, at most {MAX_PAIRS} pairs; simulated pairs "
        f"vary by {PAIR_DEVIATION:.0%} (standard deviation) before drift, outliers or load. seed {seed}"
    )
    broken: list[str] = []
    _show("Equal sides", _equal(noises, random, replays, broken))
    print(
        f"SD: standard deviation of the log ratio of a pair. both: false alarms, slower or faster; at most {ALPHA:.0%} "
        f"is promised. strict: the same if only {STRICTLY_ALLOWED:.2%} is allowed, so that all looks are taken.\n"
        "Usual tests: Welch, ranks (Mann-Whitney, p < 0.05 or 0.002) and a difference over 5 % compare the steps of "
        f"one run with those of the next; A, then B: {BLOCK} runs of one side, then of the other, t on their means."
    )
    _show("Head slower", _slower(noises, random, replays, broken))
    if RECORDED.is_file():
        print("stretches: one from each recorded run; replays of the same stretch differ by their order alone.")
    print(f"passed: no slower or faster, which is wrong; at most {ALPHA / 2:.1%} is promised.")
    if replays < LEAST_REPLAYS:
        print(f"{replays} replays are too few for a verdict: it takes {LEAST_REPLAYS}.")
        return 0
    for line in broken or ["The procedure errs no more often than it promises."]:
        print(line)
    return 1 if broken else 0


def limit(promised: float, replays: int, checks: int = 1) -> float:
    """Largest share of errors that chance explains: that all of `checks` keep with probability 1 - FALSE_VERDICTS."""
    return float(stats.binom.isf(FALSE_VERDICTS / checks, replays, promised)) / replays


def _checks(noises: Sequence[Model]) -> int:
    """Of equal sides two, and one for each slow-down."""
    return len(noises) * (2 + len(SLOWDOWNS))


def _show(title: str, rows: Iterator[list[str]]) -> None:
    lines = list(rows)
    print(f"\n{title}", *table(lines, numeric=range(1, len(lines[0]))), sep="\n")


def _equal(noises: Sequence[Model], random: Generator, replays: int, broken: list[str]) -> Iterator[list[str]]:
    for index, noise in enumerate(noises):
        tally = replay(noise, random, replays)
        strict = replay(noise, random, replays, allowed=STRICTLY_ALLOWED)
        usual = findings(noise.draw(random, (replays, 2 * BLOCK)))
        if index == 0:
            yield ["noise", "SD", "slower", "faster", "both", "no slower", "cannot tell", "pairs", "strict", *usual]
        alarms = max(tally.share("slower", "faster"), strict.share("slower", "faster"))
        if alarms > limit(ALPHA, replays, _checks(noises)):
            broken.append(f"{noise.name}: too many false alarms")
        yield [
            noise.name,
            f"{tally.pair_deviation:.1%}",
            *(_share(tally, word) for word in ("slower", "faster")),
            _with_error(tally.share("slower", "faster"), replays),
            *(_share(tally, word) for word in ("no slower", "cannot tell")),
            f"{tally.pairs:.1f}",
            _with_error(strict.share("slower", "faster"), replays),
            *(f"{np.mean(found != 0):.1%}" for found in usual.values()),
        ]


def _slower(noises: Sequence[Model], random: Generator, replays: int, broken: list[str]) -> Iterator[list[str]]:
    yield ["noise", "planted", "slower", "cannot tell", "passed", "pairs", "Welch", "A, then B"]
    for noise in noises:
        for slowdown in SLOWDOWNS:
            tally = replay(noise, random, replays, slowdown=slowdown)
            usual = findings(noise.draw(random, (replays, 2 * BLOCK)), slowdown)
            if tally.share("no slower", "faster") > limit(ALPHA / 2, replays, _checks(noises)):
                broken.append(f"{noise.name}: {slowdown:.0%} slower passes too often")
            found = [f"{np.mean(usual[name] < 0):.1%}" for name in ("Welch", "A, then B")]
            yield [*_power(noise.name, f"{slowdown:.0%}", tally), *found]
    if RECORDED.is_file():
        for load in SLOWDOWNS:
            yield [*_power("recorded busy loop", f"{load:.0%} of a step", replay_recorded_load(load)), "", ""]


def _power(name: str, planted: str, tally: Tally) -> list[str]:
    passed = _with_error(tally.share("no slower", "faster"), tally.replays)
    return [name, planted, _share(tally, "slower"), _share(tally, "cannot tell"), passed, f"{tally.pairs:.1f}"]


def _share(tally: Tally, word: Word) -> str:
    return f"{tally.share(word):.1%}"


def _with_error(share: float, replays: int) -> str:
    return f"{share:.1%} ± {math.sqrt(share * (1 - share) / replays):.1%}"
