"""The procedure keeps its promises in every noise model: whole comparisons, from the first pair to the verdict.

1000 replays each, with fixed seeds. A promise of 5 % is broken if more than chance explains err (`report.limit`).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.compare.self_test.noise import Floats, Model, Runs, models, recorded
from benchmarks.compare.self_test.replay import ALLOWED, ALPHA, Tally, replay
from benchmarks.compare.self_test.report import STRICTLY_ALLOWED, limit

REPLAYS = 1000

exhaustive = partial(pytest.param, marks=pytest.mark.exhaustive)

NOISES = [*models(0.02), recorded(disturbed=False)]


def _replay(
    model: Model, slowdown: float = 0.0, *, cpu_slowdown: float | None = None, allowed: float = ALLOWED
) -> Tally:
    random = np.random.default_rng(12)
    return replay(model, random, REPLAYS, slowdown=slowdown, cpu_slowdown=cpu_slowdown, allowed=allowed)


def _with_machine(model: Model, machine: str) -> Model:
    """The model on a machine whose verdict is always "disturbed", or changes every seven runs on average."""

    def draw(random: np.random.Generator, shape: tuple[int, int]) -> Runs:
        runs = model.draw(random, shape)
        changes: NDArray[np.int_] = np.cumsum(random.random(shape) < 0.15, axis=1) + random.integers(
            2, size=(len(runs.cpu_seconds), 1)
        )
        disturbed = np.ones(shape, dtype=bool) if machine == "disturbed" else changes % 2 == 1
        return Runs(runs.step_seconds, runs.cpu_seconds, disturbed)

    return Model(f"{model.name}, {machine}", draw)


ON_SUCH_MACHINES = [_with_machine(model, machine) for machine in ("disturbed", "changing") for model in NOISES]
EVERY = [*NOISES[::3], *map(exhaustive, (model for model in (*NOISES, *ON_SUCH_MACHINES) if model not in NOISES[::3]))]

every_noise = pytest.mark.parametrize("model", EVERY, ids=lambda model: model.name)


@every_noise
def test_equal_sides_are_seldom_called_slower_or_faster(model: Model) -> None:
    assert _replay(model).share("slower", "faster") <= limit(ALPHA, REPLAYS)


@every_noise
def test_promise_does_not_rest_on_the_early_end_of_equal_sides(model: Model) -> None:
    tally = _replay(model, allowed=STRICTLY_ALLOWED)

    assert tally.share("slower", "faster") <= limit(ALPHA, REPLAYS)


@every_noise
def test_slow_down_of_what_is_allowed_seldom_passes(model: Model) -> None:
    tally = _replay(model, ALLOWED)

    assert tally.share("no slower", "faster") <= limit(ALPHA / 2, REPLAYS)


@pytest.mark.parametrize("slowdown", [0.01, 0.05, 0.1])
def test_whatever_is_allowed_seldom_passes(slowdown: float) -> None:
    tally = _replay(NOISES[1], slowdown, allowed=slowdown)

    assert tally.share("no slower", "faster") <= limit(ALPHA / 2, REPLAYS)


@every_noise
def test_head_that_waits_seldom_passes(model: Model) -> None:
    tally = _replay(model, ALLOWED, cpu_slowdown=0.0)

    assert tally.share("no slower", "faster") <= limit(ALPHA / 2, REPLAYS)


@pytest.mark.parametrize(
    ("deviation", "slowdown", "max_pairs", "power", "mean_pairs"),
    [
        (0.02, 0.03, 12, 0.95, 11.9),
        (0.034, 0.05, 12, 0.97, 11.1),
        exhaustive(0.01, 0.03, 12, 0.96, 11.9),
        exhaustive(0.034, 0.03, 12, 0.64, 11.9),
        exhaustive(0.034, 0.03, 20, 0.87, 19.7),
        exhaustive(0.02, 0.05, 12, 0.99, 9.3),
        exhaustive(0.034, 0.1, 12, 0.99, 5.8),
    ],
)
def test_slow_down_is_found_with_the_stated_power_at_the_stated_pairs(
    deviation: float, slowdown: float, max_pairs: int, power: float, mean_pairs: float
) -> None:
    model = models(deviation)[0]

    tally = replay(model, np.random.default_rng(12), REPLAYS, slowdown=slowdown, max_pairs=max_pairs)

    assert tally.share("slower") >= power
    assert tally.pairs <= mean_pairs


@pytest.mark.parametrize(
    ("deviation", "share", "mean_pairs"), [(0.01, 0.98, 5.2), (0.02, 0.96, 7.2), (0.034, 0.67, 10.0)]
)
def test_equal_sides_are_called_no_slower(deviation: float, share: float, mean_pairs: float) -> None:
    tally = _replay(models(deviation)[0])

    assert tally.share("no slower") >= share
    assert tally.pairs <= mean_pairs


def test_cpu_seconds_find_under_load_what_the_wall_clock_cannot() -> None:
    by_wall = _replay(recorded(disturbed=False), 0.1)
    with_cpu = _replay(recorded(disturbed=True), 0.1)

    assert by_wall.share("slower") < 0.4
    assert with_cpu.share("slower") > 0.9


def test_long_waiting_is_found_under_load() -> None:
    tally = _replay(recorded(disturbed=True), 0.4, cpu_slowdown=0.0)

    assert tally.share("slower") > 0.9


def test_gain_is_found_as_a_loss_is() -> None:
    tally = _replay(models(0.02)[0], -0.06, allowed=0.001)

    assert tally.share("faster") > 0.98


def _constant_order_effect(random: np.random.Generator, shape: tuple[int, int]) -> Runs:
    """The second run of a pair takes 20 % longer: a warm machine."""
    logs: Floats = 0.002 * random.standard_normal(shape) + np.log(1.2) * (np.arange(shape[1]) % 2)
    return Runs(np.exp(logs)[..., None], np.exp(logs), np.zeros(shape, dtype=bool))


def test_second_run_that_is_always_slower_is_no_difference_between_sides() -> None:
    tally = _replay(Model("order effect", _constant_order_effect))

    assert tally.share("slower", "faster") <= limit(ALPHA, REPLAYS)
