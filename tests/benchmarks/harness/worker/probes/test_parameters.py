"""Whether parameters have changed, and whether they should have."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.protocol.training import ParameterChange
from benchmarks.harness.worker.probes.parameters import (
    ParameterWatch,
    every_step_skipped,
    must_change,
    parameters_sha256,
    tensor_digest,
)
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, TrainingTask

CPU = torch.device("cpu")


def trainer(model: nn.Module, precision: str = "fp32", lr: float = 0.1) -> Trainer:
    """Its loss is the mean of the model's output."""

    class Mean(nn.Module):
        def forward(self, outputs: Tensor, _: object) -> dict[str, Tensor]:
            return {"loss": outputs.mean()}

    class Inputs(nn.Module):
        def forward(self, batch: Batch) -> tuple[Tensor, None]:
            return batch[0], None

    unused = cast(Any, None)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr)
    task = TrainingTask(model, Inputs(), Mean(), optimizer, (3,), unused, unused, unused)
    return Trainer(task, parse_case(f"psenet_sp_bs2_{precision}_cpu1"), CPU, Position())


def changed(made: Trainer, *inputs: Tensor) -> ParameterChange:
    """What one step per input changes."""
    watch = ParameterWatch(made)
    for each in inputs:
        made.step((each,), keep_gradients=True)
    return watch.change(len(inputs))


class Parts(nn.Module):
    """A part that is trained, a frozen one, an unused one, and one behind a ReLU that lets nothing through."""

    def __init__(self) -> None:
        super().__init__()
        self.trained, self.frozen, self.unused, self.dead = (nn.Linear(3, 3) for _ in range(4))
        self.frozen.requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        dead = torch.relu(self.dead(inputs) - 1e6)
        output: Tensor = self.trained(self.frozen(inputs)) + dead
        return output


def test_frozen_unused_and_dead_parameters_need_not_change() -> None:
    found = changed(trainer(Parts()), torch.rand(2, 3))
    assert found == ParameterChange(
        trainable=6, dtypes=["float32"], changed=2, untrained=[], untrained_count=0, every_step_skipped=False
    )


def test_with_a_learning_rate_of_0_nothing_with_a_gradient_is_trained() -> None:
    found = changed(trainer(Parts(), lr=0.0), torch.rand(2, 3))
    assert (found.changed, found.untrained) == (0, ["trained.weight", "trained.bias"])


def test_a_rate_that_a_schedule_has_brought_to_0_is_no_fault() -> None:
    made = trainer(nn.Linear(3, 1))
    watch = ParameterWatch(made)
    torch.optim.lr_scheduler.LambdaLR(made.optimizer, lambda step: float(step > 1))  # sets the rate to 0
    for step in range(3):
        made.optimizer.param_groups[0]["lr"] = 0.1 * (step == 1)
        made.step((torch.rand(2, 3),), keep_gradients=True)
    assert watch.change(3).untrained_count == 0


def test_a_bias_before_batch_normalisation_need_not_change() -> None:
    """Its gradient is 0 but for rounding, too small to change it."""
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    nn.init.constant_(cast(Tensor, model[0].bias), 100.0)
    assert changed(trainer(model, lr=1e-3), torch.rand(16, 3)).untrained_count == 0


def test_an_update_that_is_lost_in_rounding_is_no_fault() -> None:
    model = nn.Linear(3, 1, bias=False).to(torch.bfloat16)
    nn.init.ones_(model.weight)
    found = changed(trainer(model, lr=1e-5), torch.rand(2, 3).to(torch.bfloat16))
    assert (found.changed, found.untrained_count) == (0, 0)


def test_steps_that_a_gradient_scaler_skips_are_no_fault_of_the_optimiser() -> None:
    found = changed(trainer(nn.Linear(3, 1), "fp16"), torch.full((2, 3), 1e38), torch.full((2, 3), 1e38))
    assert (found.changed, found.untrained_count, found.every_step_skipped) == (0, 0, True)


def taken(made: Trainer, *batches: Tensor) -> ParameterChange:
    """What one step per batch changes, as in a measured window."""
    watch = ParameterWatch(made)
    for each in batches:
        made.seen.batch = (each,)
        made.step(made.seen.batch, keep_gradients=True)
    return watch.change(len(batches))


def test_the_gradients_of_a_skipped_last_step_show_nothing() -> None:
    """The bias before batch normalisation has only rounding for a gradient; in a step that overflows it has NaN or
    infinity, or 65536 times the rounding."""
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    nn.init.constant_(cast(Tensor, model[0].bias), 100.0)
    made = trainer(model, "fp16", lr=1e-3)
    made.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    watch = ParameterWatch(made)
    made.seen.batch = (torch.rand(16, 3),)
    made.step(made.seen.batch)
    made.scaler.scale(torch.ones(()))
    made.seen.gradients = [torch.full_like(each, float("inf")) for each in model.parameters()]
    for parameter, gradient in zip(model.parameters(), made.seen.gradients, strict=True):
        parameter.grad = gradient
    made.scaler.step(made.optimizer)
    made.scaler.update()
    assert watch.change(2).untrained_count == 0


def test_a_parameter_without_an_optimiser_is_found_although_the_last_step_was_skipped() -> None:
    model = nn.Linear(3, 1)
    made = trainer(model, "fp16")
    made.optimizer.param_groups[0]["params"].remove(model.weight)
    made.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14)
    found = taken(made, torch.zeros(2, 3), torch.full((2, 3), 6.0))  # 6 * 2^14 is too large for float16
    assert (found.untrained, found.every_step_skipped) == (["weight"], False)


@pytest.mark.parametrize(
    ("before", "after", "steps", "expected"),
    [
        (2.0**16, 2.0**14, 2, True),
        (2.0**16, 2.0**15, 2, False),  # one was taken
        (2.0**16, 2.0**16, 1, False),
        (1.0, 1.0, 3, False),  # no scaler
        (2.0**16, 2.0**-4, 20, False),  # no scale helps: the gradients are not finite
    ],
)
def test_each_skipped_step_halves_the_scale(before: float, after: float, steps: int, expected: bool) -> None:
    assert every_step_skipped(before, after, steps) is expected


@pytest.mark.parametrize(
    ("parameter", "gradient", "rate", "expected"),
    [
        ([1.0], [1e-2], 0.1, True),
        ([1.0], [1e-4], 0.1, False),  # 1e-5 is less than 1000 roundings of 1
        ([0.0, 1.0], [1e-9, 0.0], 0.1, True),  # the first value is 0: any update changes it
        ([1.0], [0.0], 0.1, False),
        ([1.0], [1e-9], 0.0, True),  # in no optimizer
        ([1.0], [float("inf")], 0.1, True),
        ([1.0], [float("nan")], 0.1, False),
    ],
)
def test_a_parameter_must_change_if_its_update_is_far_above_rounding(
    parameter: list[float], gradient: list[float], rate: float, expected: bool
) -> None:
    assert must_change(torch.tensor(parameter), torch.tensor(gradient), rate) is expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_digest_of_a_tensor_changes_with_each_value(dtype: torch.dtype) -> None:
    tensor = torch.full((2, 3, 4, 4), 0.1, dtype=dtype).to(memory_format=torch.channels_last)
    digests = {tensor_digest(tensor)}
    for index in ((0, 0, 0, 0), (1, 2, 3, 3)):
        tensor[index] = 0.2
        digests.add(tensor_digest(tensor))
    tensor[0, 0, 0, 0], tensor[0, 0, 0, 1] = 0.1, 0.2  # the same values in another order
    digests.add(tensor_digest(tensor))
    assert len(digests) == 4


def test_tensors_without_dimensions_or_values_have_a_digest() -> None:
    assert tensor_digest(torch.tensor(1.0)) != tensor_digest(torch.tensor(2.0))
    assert tensor_digest(torch.empty(0, 3)) == tensor_digest(torch.empty(3, 0))


def test_the_checksum_of_a_model_changes_with_any_parameter() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    before = parameters_sha256(model)
    assert parameters_sha256(model) == before
    model.bias.data[1] += 1e-6
    assert parameters_sha256(model) != before
