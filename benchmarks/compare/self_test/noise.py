"""Noise of a machine: runs one after the other, as simulated, and as recorded on a loaded one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.harness.protocol.machine import ROOT

RECORDED = ROOT / "tests/golden/comparison_runs/moderate.jsonl"

STEPS = 20
STEP_CORRELATION = 0.27
DRIFT_PER_RUN = math.log(1 - 0.13) / 20
"""-13 % in ten minutes of runs of 30 seconds."""
CPU_SHARE = 0.3
"""CPU seconds vary by this share of the wall clock, with a correlation of about 0.5: as in the recorded runs."""

Floats = NDArray[np.float64]
Shape = tuple[int, int]


@dataclass(frozen=True)
class Runs:
    """Replays of runs, one run after the other; all would be equal on an ideal machine."""

    step_seconds: Floats
    """(replays, runs, steps)"""
    cpu_seconds: Floats
    """(replays, runs)"""
    disturbed: NDArray[np.bool_]
    """(replays, runs), the machine verdict"""


@dataclass(frozen=True)
class Model:
    """A way in which runs vary. `draw` returns so many replays of so many runs."""

    name: str
    draw: Callable[[Generator, Shape], Runs]


def models(pair_deviation: float) -> list[Model]:
    """The simulated ones. The log ratio of a pair has this standard deviation, before drift, outliers or load."""

    def model(name: str, noise: Noise, correlation: float = 0.0, loaded: bool = False) -> Model:
        deviation = pair_deviation / math.sqrt(2 * (1 - correlation + _step_share()))
        return Model(name, partial(_draw, noise=noise, deviation=deviation, loaded=loaded))

    return [
        model("independent", independent),
        model("autocorrelation 0.5", partial(autocorrelated, correlation=0.5), 0.5),
        model("autocorrelation 0.7", partial(autocorrelated, correlation=0.7), 0.7),
        model("drift", drifting),
        model("heavy tails", heavy_tailed),
        model("outliers", with_outliers),
        model("load comes and goes", independent, loaded=True),
    ]


Noise = Callable[[Generator, Shape, float], Floats]
"""Draws logarithms of run means, (replays, runs), with the given standard deviation."""


def independent(random: Generator, shape: Shape, deviation: float) -> Floats:
    """Normal."""
    return deviation * random.standard_normal(shape)


def autocorrelated(random: Generator, shape: Shape, deviation: float, *, correlation: float) -> Floats:
    """AR(1): recorded run means have a correlation of 0.4 to 0.7 with the next ones."""
    return deviation * _ar1(random.standard_normal(shape), correlation)


def drifting(random: Generator, shape: Shape, deviation: float) -> Floats:
    """Normal, around a line."""
    return independent(random, shape, deviation) + DRIFT_PER_RUN * np.arange(shape[1])


def heavy_tailed(random: Generator, shape: Shape, deviation: float) -> Floats:
    """Student's t with 3 degrees of freedom."""
    values: Floats = deviation * random.standard_t(3, shape) / math.sqrt(3)
    return values


def with_outliers(random: Generator, shape: Shape, deviation: float) -> Floats:
    """5 % of the runs take 1.5 times as long."""
    return independent(random, shape, deviation) + math.log(1.5) * (random.random(shape) < 0.05)


def recorded(disturbed: bool, path: Path = RECORDED) -> Model:
    """Stretches of the recorded runs from a random start, the planted load divided out; after the last comes the first.

    Their machine was disturbed: with `disturbed` false, its verdict is not known, so that the wall clock decides.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    planted = 1 + np.array([line["planted"] for line in lines])
    steps = np.array([line["step_seconds"] for line in lines]) / planted[:, None]
    cpu = np.array([line["cpu_seconds"] for line in lines]) / planted

    def draw(random: Generator, shape: Shape) -> Runs:
        places = (random.integers(len(lines), size=(shape[0], 1)) + np.arange(shape[1])) % len(lines)
        return Runs(steps[places], cpu[places], np.full(shape, disturbed))

    return Model(f"recorded, {len(lines)} stretches{', disturbed' if disturbed else ''}", draw)


def _draw(random: Generator, shape: Shape, *, noise: Noise, deviation: float, loaded: bool) -> Runs:
    wall = noise(random, shape, deviation)
    cpu = CPU_SHARE * (0.5 * wall + math.sqrt(0.75) * noise(random, shape, deviation))
    disturbed = np.zeros(shape, dtype=bool)
    if loaded:  # it changes every ten runs on average; the machine verdict is right in nine of ten runs
        load = np.cumsum(random.random(shape) < 0.1, axis=1) % 2
        wall = wall + load * (math.log(1.5) + 4 * noise(random, shape, deviation))
        cpu = cpu + load * math.log(1.1)
        disturbed = (load == 1) ^ (random.random(shape) < 0.1)
    steps = wall[..., None] + deviation * _ar1(random.standard_normal((*shape, STEPS)), STEP_CORRELATION)
    return Runs(np.exp(steps), np.exp(cpu), disturbed)


def _ar1(normal: Floats, correlation: float) -> Floats:
    """Along the last axis, stationary, with the variance of its input."""
    values: Floats = normal.copy()
    for index in range(1, values.shape[-1]):
        values[..., index] *= math.sqrt(1 - correlation**2)
        values[..., index] += correlation * values[..., index - 1]
    return values


def _step_share() -> float:
    """Variance that the steps of a run add to that of its mean, as a share of the variance between runs."""
    return (1 + STEP_CORRELATION) / (1 - STEP_CORRELATION) / STEPS
