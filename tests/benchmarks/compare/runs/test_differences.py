"""What differs between two artifacts, and whether they computed the same."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.compare.document import Difference
from benchmarks.compare.runs.differences import differences, settings_of, training_changes, training_is_compared
from samples import changed, document, speed_artifact, without

GOOD = document(speed_artifact())


def shown(found: list[Difference]) -> dict[str, tuple[str, str]]:
    return {each.field: (each.base, each.head) for each in found}


def test_two_runs_of_one_side_do_not_differ() -> None:
    """Whatever differs between any two runs: times, rates, peaks of memory, ids."""
    other = changed(
        GOOD,
        {
            "FINAL_RESULT": 3.0,
            "details.run_id": "1" * 32,
            "details.started_at": "2030-01-01T00:00:00Z",
            "details.measured_seconds": 3.0,
            "details.peak_memory_bytes": 1,
            "details.matmul_tflops": 9.0,
            "details.machine": None,
            "details.overhead": {},
        },
    )
    assert differences(GOOD, other) == []
    assert training_changes([GOOD], [other]) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("details.environment.torch", "2.14.0", ("1", "2.14.0")),
        ("details.environment.cuda", "12.8", ("null", "12.8")),
        ("details.environment.git_commit", "a" * 40, ("null", "a" * 40)),
        ("details.environment.nccl_settings", ["NCCL_A=1"], ("null", '["NCCL_A=1"]')),
        ("details.image_cache", "decoded", ("none", "decoded")),
        ("details.precision.matmul", "tf32", ("ieee", "tf32")),
        ("details.memory_format", "contiguous", ("channels_last", "contiguous")),
        ("details.data.images", 99, ("100", "99")),
        ("details.flops_per_sample", 7, ("10000000000", "7")),
        ("details.gradient_bytes", 7, ("10000000", "7")),
        ("details.threads_per_process", 77, (str(GOOD["details"]["threads_per_process"]), "77")),
        ("details.training.0.input.dtype", "bfloat16", ("float32", "bfloat16")),
        ("details.training.0.samples.positions_sha256", "0" * 64, None),
        ("details.first_layer_shape", None, None),
    ],
)
def test_a_setting_that_differs_is_listed(path: str, value: Any, expected: tuple[str, str] | None) -> None:
    found = shown(differences(GOOD, changed(GOOD, {path: value})))
    assert found.keys() == {path}
    if expected is not None:
        assert found[path] == expected


def test_another_case_is_listed_without_what_follows_from_it() -> None:
    head = document(speed_artifact("psenet_sp_bs4_bf16_cpu1"))
    found = shown(differences(GOOD, head))
    assert found["details.case"] == ("psenet_sp_bs2_fp32_cpu1", "psenet_sp_bs4_bf16_cpu1")
    assert found["details.precision.autocast"] == ("null", "bfloat16")
    assert "model_name" not in found
    assert "details.batch_size_per_process" not in found


def test_fields_that_only_one_revision_knows_are_no_difference() -> None:
    old = without(without(GOOD, "details.training"), "details.environment.numa_nodes")
    assert differences(old, GOOD) == differences(GOOD, old) == []
    assert differences({"FINAL_RESULT": 1}, GOOD) == []
    assert differences(changed(GOOD, {"details": None}), GOOD) == []


def test_a_private_or_long_value_is_shortened() -> None:
    head = changed(GOOD, {"details.environment.allocator": "x" * 999, "details.device": "GPU at 10.1.2.3"})
    found = shown(differences(GOOD, head))
    assert len(found["details.environment.allocator"][1]) == 200
    assert "10.1.2.3" not in found["details.device"][1]


def loss(value: float) -> dict[str, Any]:
    return changed(GOOD, {"details.loss_last.loss": value})


def test_losses_that_differ_are_a_change_of_the_training() -> None:
    found = shown(training_changes([loss(0.5)], [loss(0.50001)]))
    assert found == {"details.loss_last.loss": ("0.5", "0.50001")}
    assert training_changes([loss(0.5)], [loss(0.5000001)]) == []  # the rounding of float32


def test_a_spread_within_a_side_is_allowed_for() -> None:
    base = [loss(0.50), loss(0.52)]
    assert training_changes(base, [loss(0.53), loss(0.535)]) == []
    assert training_changes([loss(0.53), loss(0.535)], base) == []
    assert shown(training_changes(base, [loss(0.55), loss(0.555)])) == {
        "details.loss_last.loss": ("0.5 to 0.52", "0.55 to 0.555")
    }


def on_gpu(document: dict[str, Any]) -> dict[str, Any]:
    return changed(document, {"gpu_num": 1})


def test_runs_on_a_gpu_that_vary_by_themselves_show_no_change() -> None:
    """Equal sides: the order of sums varies losses and figures of the checks, which only a full run has."""
    figure = "details.reference_check.figures"
    for _ in range(50):
        made = [
            changed(
                on_gpu(GOOD),
                {
                    "details.loss_last.loss": 0.5 * (1 + random.gauss(0, 1e-4)),
                    f"{figure}.loss": 0.4875 * (1 + random.gauss(0, 1e-5)),
                    f"{figure}.gradient_norm": 2.99417 * (1 + random.gauss(0, 1e-4)),
                },
            )
            for _ in range(10)
        ]
        runs = [made[0], made[1], *(without(each, "details.reference_check") for each in made[2:])]
        assert training_changes(runs[:1], runs[1:2]) == []
        assert training_changes(runs[::2], runs[1::2]) == []


def test_on_a_gpu_losses_count_from_three_runs_a_side_on() -> None:
    base, head = [on_gpu(loss(value)) for value in (0.5, 0.501, 0.5)], [on_gpu(loss(0.6))] * 3
    assert training_changes(base[:2], head[:2]) == []
    assert training_changes(base, head[:2]) == []
    assert list(shown(training_changes(base, head))) == ["details.loss_last.loss"]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("loss_text", 0.3774507 * 1.002, True),
        ("loss_text", 0.3774507 * 1.0009, False),
        ("gradient_norm", 2.99417 * 1.004, False),
        ("gradient_norm", 2.99417 * 1.006, True),
        ("parameters", 191, True),
    ],
)
def test_on_a_gpu_one_check_shows_what_it_does_not_tolerate(name: str, value: float, found: bool) -> None:
    path = f"details.reference_check.figures.{name}"
    changes = training_changes([on_gpu(GOOD)], [changed(on_gpu(GOOD), {path: value})])
    assert [each.field for each in changes] == ([path] if found else [])


def test_on_a_gpu_the_number_of_parameters_has_no_tolerance() -> None:
    path = "details.reference_check.figures.parameters"
    base, head = (changed(on_gpu(GOOD), {path: count}) for count in (4000, 4001))
    assert [each.field for each in training_changes([base], [head])] == [path]


def test_figures_of_the_reference_check_count_even_if_light_runs_lack_them() -> None:
    name = "details.reference_check.figures.gradient_norm"
    light = without(GOOD, "details.reference_check")
    head = changed(GOOD, {name: 99.0})
    assert list(shown(training_changes([GOOD, light], [light, head]))) == [name]
    assert training_changes([light], [head]) == []
    assert training_changes([], [head]) == []


def test_whether_a_training_can_be_compared_at_all_is_known() -> None:
    without_figures = without(GOOD, "details.reference_check")
    without_losses = without(without(without_figures, "details.loss_first"), "details.loss_last")
    assert training_is_compared([without_figures], [GOOD])  # losses
    assert not training_is_compared([without_losses], [GOOD])
    assert not training_is_compared([], [GOOD])


def test_figures_of_the_compiled_graph_count() -> None:
    name = "details.ranks.0.graph_check"
    found = training_changes(
        [changed(GOOD, {name: {"figures": {"loss": 0.7}}})], [changed(GOOD, {name: {"figures": {"loss": 0.8}}})]
    )
    assert shown(found) == {f"{name}.figures.loss": ("0.7", "0.8")}
    probes = {"graph_check": {"figures": {"loss": 0.7}}}
    other = {"graph_check": {"figures": {"loss": 0.8}}}
    ranks = [changed(GOOD, {"details.ranks.0.probes": each}) for each in (probes, other)]
    assert list(shown(training_changes(ranks[:1], ranks[1:]))) == ["details.ranks.0.probes.graph_check.figures.loss"]


def test_a_loss_that_is_no_number_is_left_out() -> None:
    assert training_changes([GOOD], [changed(GOOD, {"details.loss_last.loss": None})]) == []


def test_settings_are_those_that_two_sides_must_share() -> None:
    found = settings_of(changed(GOOD, {"details.measured_steps": 20, "details.image_size": None}))
    assert found["measured_steps"] == "20"
    assert found["data.images"] == "100"
    assert "image_size" not in found
    assert settings_of({}) == {}
