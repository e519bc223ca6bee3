"""Whether measured steps trained what their case says: what the checks accept, and what they reject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.protocol.training import ModelInput, ParameterChange
from benchmarks.harness.results import convergence, speed
from benchmarks.harness.results.checks.training import training_problems
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.speed_artifact import SpeedArtifact, SpeedDetails
from samples import compile_report, converged_run, convergence_artifact, finished_run, training_report

SP_CASE = "psenet_sp_bs2_fp32_cpu1"
MP_CASE = "psenet_mp_bs4_fp32_cpu2"
FP16_CASE = "psenet_sp_bs2_fp16_cpu1"
COMPILE_CASE = "psenet_sp_bs2_fp32_compile_cpu1"
LOG = Path("train_log")


def artifact(case: str = SP_CASE, rank: int = 0, first_layer: list[int] | None = None, **changed: Any) -> SpeedArtifact:
    """Of a run of 4 steps on images of 64 pixels in which one rank reports something else of its training."""
    run = finished_run(case, image_size=64, steps=4, warmup_steps=1)
    good = run.results[rank]
    report = structs.replace(good.report, training=structs.replace(good.report.training, **changed))
    if first_layer is not None and report.model is not None:
        report = structs.replace(report, model=structs.replace(report.model, first_layer_shape=first_layer))
    run.results[rank] = structs.replace(good, report=report)
    return speed.build(run, LOG, LOG)


def got(*shape: int, dtype: str = "float32", forms: int = 1, declared: tuple[int, ...] = ()) -> ModelInput:
    return ModelInput(list(shape), dtype, forms, list(declared or shape[1:]))


def change(**changed: Any) -> ParameterChange:
    good = ParameterChange(
        trainable=6, dtypes=["float32"], changed=6, untrained=[], untrained_count=0, every_step_skipped=False
    )
    return structs.replace(good, **changed)


SKIPPED = change(changed=0, every_step_skipped=True)
RIGHT = [
    artifact(),
    artifact(MP_CASE),
    artifact(COMPILE_CASE),
    artifact(COMPILE_CASE, compile=compile_report(graphs=9, graph_breaks=4, recompilations=1)),
    artifact(COMPILE_CASE, compile=compile_report(eager_layers=2, failed_frames=1)),  # dynamo leaves out an LSTM
    artifact(parameters=change(changed=1)),  # the others have no gradient, or one that is mere rounding
    artifact(input=got(2, 64, 64, 3)),
    artifact(input=got(2, 3, 64, 64, dtype="uint8")),
    artifact(input=got(2, 12, 32, 32)),  # the pixels in another arrangement
    artifact(input=got(2, 64, 192)),
    artifact(first_layer=[1, 12, 32, 32]),
    artifact(first_layer=[1, 1, 64, 64]),
    artifact(first_layer=[1, 3, 70, 70]),  # with a border
]


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_training_passes(right: SpeedArtifact) -> None:
    assert failure_of(right) is None
    assert speed.contradictions(right) == []


RANK_0 = training_report(finished_run(MP_CASE, steps=4, warmup_steps=1).plan)
WRONG = [
    (artifact(FP16_CASE, parameters=SKIPPED), "4 steps changed none of 6 parameters: nothing is trained"),
    (artifact(FP16_CASE, parameters=change(every_step_skipped=True)), "the gradient scaler did not skip 4 steps"),
    (artifact(parameters=change(every_step_skipped=True)), "the gradient scaler did not skip 4 steps"),
    (artifact(parameters=change(changed=7)), "of 6 parameters with 1 data types, 7 are said to be changed"),
    (artifact(parameters=change(changed=6, untrained_count=1)), "6 are said to be changed and 1 left as they were"),
    (artifact(parameters=change(dtypes=[])), "of 6 parameters with 0 data types"),
    (artifact(COMPILE_CASE, compile=compile_report(layers=0, eager_layers=1)), "1 of 0 layers ran in eager mode"),
    (artifact(samples=4), "4 steps trained 4 samples; with 2 per step of a process they are 8"),
    (artifact(MP_CASE, 1, samples=16), "4 steps trained 16 samples"),
    (artifact(steps_before=0), "0 steps preceded the measured ones, not 1"),
    (artifact(input=got(1, 3, 64, 64)), "an input of shape [1, 3, 64, 64]; a batch of a process has 2"),
    (artifact(input=got(2, 3, 32, 32)), "an input of shape [2, 3, 32, 32]; the image size is 64"),
    (artifact(input=got(2, 3, 50, 50)), "the image size is 64"),
    (artifact(input=got(2, 3, 128, 128)), "the image size is 64"),
    (artifact(input=got(2, 3, 64, 64, declared=(3, 128, 128))), "its task declares samples of shape [3, 128, 128]"),
    (artifact(input=got(2, 3, 64, 64, forms=2)), "inputs of 2 shapes or data types"),
    (artifact(input=ModelInput([], "none", 0, [3, 64, 64])), "the measured steps did not call the network"),
    (artifact(input=got(2, 3, 64, 64, dtype="bfloat16")), "the network got bfloat16; the precision is fp32"),
    (
        artifact(first_layer=[1, 3, 32, 32]),
        "of a sample of shape [3, 64, 64], [1, 3, 32, 32] arrives at its first layer",
    ),
    (artifact(first_layer=[1, 3, 50, 50]), "makes its input smaller"),
    (artifact(indices=[7] * 8), "7 of 8 samples had come before in the same epoch of 100"),
    (
        artifact(MP_CASE, 1, **{name: getattr(training_report(), name) for name in ("indices", "positions")}),
        "a lower rank",
    ),
    (artifact(positions=list(range(100, 108))), "they begin with [100, 101, 102], the rank's with [2, 3, 4]"),
    (artifact(positions_sha256="0" * 64), "do not have the positions of this rank"),
    (artifact(same_content=True), "different images gave the same sample"),
    (
        artifact(parameters=change(changed=4, untrained=["a.weight", "a.bias"], untrained_count=2)),
        "4 steps left 2 of 6 parameters as they were although they have a gradient (a.weight, a.bias)",
    ),
    (artifact(parameters=change(dtypes=["float16", "float32"])), "the network are in float16; the precision is fp32"),
    (artifact(parameters=change(changed=0)), "4 steps changed none of 6 parameters"),
    (artifact(parameters=SKIPPED), "4 steps changed none of 6 parameters"),  # fp32 has no gradient scaler
    (artifact(COMPILE_CASE, compile=None), "torch.compile compiled nothing"),
    (artifact(COMPILE_CASE, compile=compile_report(graphs=0)), "torch.compile compiled nothing"),
    (artifact(COMPILE_CASE, compile=compile_report(eager_layers=51)), "51 of 100 layers ran in eager mode"),
    (
        artifact(COMPILE_CASE, compile=compile_report(failed_frames=1, errors_suppressed=True)),
        "torch.compile failed 1 times and used eager mode instead",
    ),
    (
        artifact(COMPILE_CASE, compile=compile_report(compilations_in_window=2)),
        "2 graphs were compiled within the measured steps",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_training_fails_and_the_gate_finds_it_too(wrong: SpeedArtifact, message: str) -> None:
    failure = failure_of(wrong)
    assert failure is not None
    assert failure.kind == "wrong_result"
    assert wrong.FINAL_RESULT == 0
    problems = speed.contradictions(wrong)
    assert any(message in line and line.startswith("details.training, rank ") for line in problems), problems
    assert message in failure.message or len(problems) > 1


def test_the_rank_is_named() -> None:
    failure = failure_of(artifact(MP_CASE, 1, same_content=True))
    assert failure is not None
    assert failure.rank == 1


def test_one_step_may_change_nothing_if_no_parameter_has_a_gradient() -> None:
    details = artifact().details
    assert isinstance(details, SpeedDetails)
    (only,) = details.training
    still = structs.replace(details, training=[structs.replace(only, parameters=change(changed=0))])
    assert [problem for problem in training_problems(still, 1, 1) if "changed none" in problem.message] == []


def test_samples_that_are_counted_twice_are_found() -> None:
    run = finished_run(SP_CASE, steps=4)
    records = tuple(structs.replace(record, samples=4) for record in run.results[0].records)
    run.results[0] = structs.replace(run.results[0], records=records)
    failure = failure_of(speed.build(run, LOG, LOG))
    assert failure is not None
    assert failure.message == "details.ranks: rank 0 has 16 samples, but 4 steps of 2 are 8"


def test_a_rank_that_is_missing_is_a_problem() -> None:
    details = artifact(MP_CASE).details
    assert isinstance(details, SpeedDetails)
    (problem,) = training_problems(structs.replace(details, training=details.training[1:]), 4, 1)
    assert problem.message == "the training of ranks [1] is reported, of 2 processes"


def test_an_artifact_that_claims_any_number_of_samples_is_judged_at_once() -> None:
    details = artifact().details
    assert isinstance(details, SpeedDetails)
    assert training_problems(structs.replace(details, measured_steps=10**15), 10**15, 1)


@pytest.mark.parametrize("resumed_at", [[], [1, 2]])
def test_a_convergence_training_is_judged_by_the_steps_of_its_last_run(tmp_path: Path, resumed_at: list[int]) -> None:
    good = convergence_artifact(converged_run(tmp_path, resumed_at=resumed_at))
    assert failure_of(good) is None
    assert convergence.contradictions(good) == []
    run = converged_run(tmp_path, resumed_at=resumed_at)
    report = structs.replace(run.results[0].report.training, same_content=True)
    run.results[0] = structs.replace(run.results[0], report=structs.replace(run.results[0].report, training=report))
    wrong = convergence_artifact(run)
    failure = failure_of(wrong)
    assert failure is not None
    assert failure.kind == "wrong_result"
    assert any(failure.message in line for line in convergence.contradictions(wrong))


def test_a_convergence_training_compiles_in_its_first_step(tmp_path: Path) -> None:
    run = converged_run(tmp_path, "psenetr18_sp_bs4_fp32_compile_cpu1")
    training = structs.replace(run.results[0].report.training, compile=compile_report(compilations_in_window=1))
    run.results[0] = structs.replace(run.results[0], report=structs.replace(run.results[0].report, training=training))
    assert failure_of(convergence_artifact(run)) is None
