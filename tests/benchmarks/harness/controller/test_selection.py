"""Which cases run, which tests run only if they are asked for, and what is refused before anything runs.

That pytest itself selects as described here is tested in `tests/end_to_end`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.cases import CONVERGENCE, MATRIX, Case, parse_case
from benchmarks.harness.controller import selection
from benchmarks.harness.controller.selection import (
    announcement,
    case_of,
    check_compile_mode,
    check_image_size,
    check_light,
    check_measurements,
    deselect_opt_in,
    measurement_of,
    opt_in_markers,
    selected_cases,
)
from benchmarks.harness.protocol.settings import Nodes, Settings
from benchmarks.harness.results.measurements import MEASUREMENTS
from fake_pytest import FakeConfig, fake_item
from ocr_models import MODELS, ImageSizes
from suite import ROOT

CPU = parse_case("psenet_sp_bs2_fp32_cpu1")
GPU = parse_case("psenet_sp_bs8_fp32_1")


# the cases


def test_without_a_name_the_listed_cases_run() -> None:
    assert selected_cases(FakeConfig().as_pytest()) == MATRIX
    assert selected_cases(FakeConfig().as_pytest(), CONVERGENCE) == CONVERGENCE


def test_named_cases_replace_the_listed_ones_listed_or_not() -> None:
    names = ["psenet_sp_bs4_bf16_1", str(CPU), "psenet_sp_bs4_bf16_1"]
    expected = (parse_case("psenet_sp_bs4_bf16_1"), CPU)
    assert selected_cases(FakeConfig({"ocr_case": names}).as_pytest()) == expected
    assert selected_cases(FakeConfig(ini={"ocr_case": names}).as_pytest()) == expected


@pytest.mark.parametrize(
    ("config", "source"),
    [
        (FakeConfig({"ocr_case": ["psenet"]}), "--ocr-case: 'psenet' is not a case"),
        (FakeConfig(ini={"ocr_case": ["psenet"]}), "pytest.ini: ocr_case: 'psenet' is not a case"),
    ],
)
def test_a_wrong_name_is_refused_with_its_source(config: FakeConfig, source: str) -> None:
    with pytest.raises(pytest.UsageError, match=source):
        selected_cases(config.as_pytest())


# image sizes


def check_size(size: int, **config: Any) -> None:
    given = {"ocr_image_size": str(size), **config.pop("given", {})}
    check_image_size(FakeConfig(given, **config).as_pytest(), Settings(image_size=size))


def test_a_size_that_every_selected_model_accepts_passes() -> None:
    check_size(640)
    check_image_size(FakeConfig().as_pytest(), Settings())


def test_a_size_that_a_selected_model_does_not_accept_is_refused_with_its_rule() -> None:
    message = r"--ocr-image-size: '100' is not a multiple of 32 pixels from 64 to 8192 \(psenet\), or auto"
    with pytest.raises(pytest.UsageError, match=message):
        check_size(100)


def test_the_models_of_convergence_cases_are_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ImageSizes(cpu=336, cuda=672, reference=144, multiple=48)
    monkeypatch.setitem(MODELS, "psenetr18", dataclasses.replace(MODELS["psenetr18"], image_sizes=sizes))
    with pytest.raises(pytest.UsageError, match=r"a multiple of 48 pixels from 64 to 8192 \(psenetr18\)"):
        check_size(320)
    check_size(320, given={"ocr_case": [str(CPU)]})  # no case of that model is selected


def test_a_model_of_fixed_input_size_has_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, model in MODELS.items():
        monkeypatch.setitem(MODELS, name, dataclasses.replace(model, image_sizes=None))
    check_size(100)


# measurements


def test_the_marker_of_a_test_decides_its_measurement() -> None:
    assert measurement_of(fake_item("benchmarks/test_speed.py", "benchmark", "speed")) is MEASUREMENTS["speed"]
    assert measurement_of(fake_item("benchmarks/components/test_components.py", "components")) is None


def test_the_parameter_of_a_test_decides_its_case() -> None:
    assert case_of(fake_item("benchmarks/test_speed.py", case=CPU)) is CPU
    assert case_of(fake_item("benchmarks/components/test_components.py")) is None


def test_a_measurement_that_cannot_be_taken_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [
        fake_item("benchmarks/test_speed.py", "speed", case=CPU),
        fake_item("benchmarks/test_convergence.py", "convergence", case=CPU),
        fake_item("benchmarks/components/test_components.py", "components"),
    ]
    check_measurements(items, Settings())
    monkeypatch.setitem(MODELS, "psenet", dataclasses.replace(MODELS["psenet"], convergence=None))
    with pytest.raises(pytest.UsageError, match=r"test_convergence.py.*psenet has no convergence goal"):
        check_measurements(items, Settings())


# the mode of torch.compile

COMPILED, COMPILED_ON_CPU = (parse_case(f"psenet_sp_bs2_bf16_compile_{end}") for end in ("1", "cpu1"))


def check_mode(mode: str, *cases: Case, **config: Any) -> None:
    items = [*(fake_item("benchmarks/test_speed.py", "speed", case=case) for case in cases), COMPONENT]
    check_compile_mode(FakeConfig(**config).as_pytest(), items, Settings(compile_mode=mode))  # type: ignore[arg-type]


def test_a_compile_mode_is_for_compiled_cases_only() -> None:
    check_mode("default", CPU, GPU, COMPILED)
    check_mode("reduce-overhead", COMPILED)
    check_mode("max-autotune-no-cudagraphs", COMPILED, COMPILED_ON_CPU)
    check_mode("reduce-overhead")
    message = (
        "--ocr-compile-mode: 'reduce-overhead' is for compiled cases, and psenet_sp_bs8_fp32_1 is not compiled; select "
        "compiled cases only, for example with -k compile"
    )
    with pytest.raises(pytest.UsageError, match=message):
        check_mode("reduce-overhead", COMPILED, GPU, given={"ocr_compile_mode": "reduce-overhead"})
    with pytest.raises(pytest.UsageError, match=r"pytest.ini: ocr_compile_mode: 'max-autotune' is for compiled cases"):
        check_mode("max-autotune", GPU, ini={"ocr_compile_mode": "max-autotune"})


def test_cuda_graphs_are_refused_on_the_cpu() -> None:
    message = f"--ocr-compile-mode: 'reduce-overhead' means CUDA graphs, and {COMPILED_ON_CPU} runs on the CPU"
    with pytest.raises(pytest.UsageError, match=message):
        check_mode("reduce-overhead", COMPILED_ON_CPU, given={"ocr_compile_mode": "reduce-overhead"})


# light runs


def check(settings: Settings, *measurements: str, **given: Any) -> None:
    items = [fake_item(f"benchmarks/test_{name}.py", name, case=CPU) for name in measurements]
    check_light(FakeConfig(**given).as_pytest(), [*items, COMPONENT], settings)


def test_light_runs_are_for_speed_cases_only() -> None:
    light = Settings(light=True)
    check(light, "speed")
    check(Settings(), "speed", "convergence")
    message = r"--ocr-light: is for speed cases, and benchmarks/test_convergence.py::test\[.*\] is a convergence case"
    with pytest.raises(pytest.UsageError, match=message):
        check(light, "speed", "convergence", given={"ocr_light": True})
    with pytest.raises(pytest.UsageError, match=r"pytest.ini: ocr_light: is for speed cases"):
        check(light, "convergence", ini={"ocr_light": "yes"})


def test_a_light_run_cannot_profile_the_loader() -> None:
    both = Settings(light=True, profile_loader=True)
    with pytest.raises(pytest.UsageError, match="--ocr-light: leaves out what --ocr-profile-loader asks for"):
        check(both, "speed", given={"ocr_light": True, "ocr_profile_loader": True})


# tests that run only if they are asked for


SPEED = fake_item("benchmarks/test_speed.py", "speed", case=CPU)
CONVERGES = fake_item("benchmarks/test_convergence.py", "convergence", case=CPU)
COMPONENT = fake_item("benchmarks/components/test_components.py", "components")
ALL = (SPEED, CONVERGES, COMPONENT)


def kept(config: FakeConfig, items: Sequence[pytest.Item] = ALL) -> list[pytest.Item]:
    left = list(items)
    deselect_opt_in(config.as_pytest(), left)
    assert [item for item in items if item not in left] == config.deselected
    return left


def test_every_measurement_but_speed_and_the_components_are_opt_in() -> None:
    assert opt_in_markers() == {*MEASUREMENTS, "components"} - {"speed"}


@pytest.mark.parametrize("args", [["benchmarks"], ["."], ["benchmarks", "benchmarks/test_speed.py"]])
def test_tests_that_nobody_asked_for_are_deselected(args: list[str]) -> None:
    assert kept(FakeConfig(args=args)) == [SPEED]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"markexpr": "convergence"}, [SPEED, CONVERGES]),
        ({"markexpr": "components or speed"}, [SPEED, COMPONENT]),
        ({"keyword": "test_convergence and psenet"}, [SPEED, CONVERGES]),
        ({"keyword": "psenet"}, [SPEED]),
    ],
    ids=str,
)
def test_a_marker_in_m_or_k_asks_for_its_tests(option: dict[str, Any], expected: list[pytest.Item]) -> None:
    """What -m and -k themselves deselect is pytest's own part."""
    assert kept(FakeConfig(**option)) == expected


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["benchmarks/test_convergence.py"], [CONVERGES]),
        (["benchmarks/test_convergence.py::test_convergence[x]"], [CONVERGES]),
        (["benchmarks/components"], [COMPONENT]),
        (["benchmarks/components", "benchmarks/test_convergence.py"], [CONVERGES, COMPONENT]),
    ],
    ids=str,
)
def test_a_path_under_which_there_is_nothing_else_asks_for_its_tests(
    args: list[str], expected: list[pytest.Item]
) -> None:
    folders = [(ROOT / argument.partition("::")[0]) for argument in args]
    collected = [item for item in ALL if any(path == item.path or path in item.path.parents for path in folders)]
    assert kept(FakeConfig(args=args), collected) == expected


def test_a_path_is_relative_to_the_current_folder() -> None:
    folder = ROOT / "benchmarks" / "components"
    assert kept(FakeConfig(args=["test_components.py"], folder=folder), [COMPONENT]) == [COMPONENT]


@pytest.mark.parametrize(
    ("option", "cache"),
    [
        ({"lf": True}, {"cache/lastfailed": {CONVERGES.nodeid: True}}),
        ({"failedfirst": True}, {"cache/lastfailed": {CONVERGES.nodeid: True}}),
        ({"stepwise": True}, {"cache/stepwise": CONVERGES.nodeid}),
        ({"stepwise": True}, {"cache/stepwise": {"last_failed": CONVERGES.nodeid}}),
    ],
    ids=str,
)
def test_a_test_that_failed_before_runs_again_if_pytest_was_asked_to(
    option: dict[str, Any], cache: dict[str, Any]
) -> None:
    assert kept(FakeConfig(cache=cache, **option)) == [SPEED, CONVERGES]
    assert kept(FakeConfig(cache=cache)) == [SPEED]
    assert kept(FakeConfig(cache={}, **option)) == [SPEED]


# the announcement


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(case: Any, nodes: int = 1) -> str | None:
        return "needs more CUDA GPUs" if case.gpu_count > nodes else None

    monkeypatch.setattr(selection, "missing_gpus", missing)


def speed_items(*names: str) -> list[pytest.Item]:
    return [fake_item("benchmarks/test_speed.py", "speed", case=parse_case(name)) for name in names]


@pytest.mark.usefixtures("one_gpu")
def test_what_will_run_here_is_announced_with_its_duration() -> None:
    items = [*speed_items(str(CPU), str(GPU), "psenet_mp_bs64_fp32_8"), CONVERGES, COMPONENT]
    assert announcement(items, Settings()) == [
        f"ocr: running 2 speed cases, about 2 min: {CPU}, {GPU}",
        f"ocr: running 1 convergence case: {CPU}",
    ]


@pytest.mark.usefixtures("one_gpu")
def test_a_duration_is_announced_only_for_the_default_number_of_steps() -> None:
    assert announcement(speed_items(str(CPU)), Settings()) == [f"ocr: running 1 speed case, about 1 min: {CPU}"]
    assert announcement(speed_items(str(CPU)), Settings(steps=3)) == [f"ocr: running 1 speed case: {CPU}"]


@pytest.mark.usefixtures("one_gpu")
def test_of_many_cases_the_first_are_named() -> None:
    names = [f"psenet_sp_bs{size}_fp32_cpu1" for size in (1, 2, 3, 4, 5)]
    (line,) = announcement(speed_items(*names), Settings(steps=3))
    assert line == f"ocr: running 5 speed cases: {', '.join(names[:4])}, ..."


@pytest.mark.usefixtures("one_gpu")
def test_gpus_are_counted_per_node_and_nothing_is_announced_if_nothing_runs() -> None:
    items = speed_items("psenet_mp_bs16_fp32_2")
    assert announcement(items, Settings()) == []
    assert len(announcement(items, Settings(nodes=Nodes(2, 0, "head:29400")))) == 1
    assert announcement([], Settings()) == []
