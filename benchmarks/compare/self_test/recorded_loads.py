"""Comparisons of the recorded runs with those that had a busy loop in each step."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby

import msgspec
import numpy as np

from benchmarks.compare.document import RunFigures, Word
from benchmarks.compare.judging.procedure import Procedure
from benchmarks.compare.runs.figures import pair
from benchmarks.compare.self_test.noise import RECORDED
from benchmarks.compare.self_test.replay import ALPHA, Tally, figures, parameters


def replay_recorded_load(load: float) -> Tally:
    """A loop of `load` of a step's own work: the 12 recorded blocks from each of them on, with either of their A runs.

    The order of the runs is the recorded one. Only 24 comparisons, and all of the same runs: an example, no rate.
    """
    blocks = _blocks()
    words: Counter[Word] = Counter()
    deviations = []
    pairs = 0
    for start in range(len(blocks)):
        for which in (0, 1):
            # The machine was disturbed all the time, and there is no other attempt.
            limits = msgspec.structs.replace(parameters(0), max_repeats=0)
            procedure = Procedure(limits, device="cpu", alpha=ALPHA)
            for block in [*blocks[start:], *blocks[:start]]:
                if (turn := procedure.next()) is None:
                    break
                base = [place for place, (planted, _) in enumerate(block) if planted == 0][which]
                head = next(place for place, (planted, _) in enumerate(block) if planted == load)
                (_, base_run), (_, head_run) = block[base], block[head]
                procedure.add(pair(turn.number, turn.attempt, head_first=head < base, base=base_run, head=head_run))
                procedure.look(ALPHA)
            verdict = procedure.current()
            words[verdict.word] += 1
            pairs += len(procedure.pairs)
            deviations.append(verdict.wall.pair_deviation if verdict.wall is not None else 0.0)
    count = sum(words.values())
    return Tally(count, words, pairs / count, float(np.mean(deviations)))


def _blocks() -> list[list[tuple[float, RunFigures]]]:
    """(planted load, run) of each block, in the order of time."""
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return [
        [
            (line["planted"], figures(1 / float(np.mean(line["step_seconds"])), line["cpu_seconds"], disturbed=True))
            for line in block
        ]
        for _, block in groupby(lines, key=lambda line: line["block"])
    ]
