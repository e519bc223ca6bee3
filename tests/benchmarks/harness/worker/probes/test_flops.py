from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness.worker.probes.flops import flops_per_sample, model_report


class TwoHeads(nn.Module):
    """Outputs of several forms: nested, and one without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.boxes, self.classes = nn.Linear(8, 4), nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> dict[str, object]:
        features = self.body(inputs)  # (N, 4)
        scores = self.classes(features)  # (N, 3)
        return {"boxes": self.boxes(features), "classes": [scores, (scores.argmax(1), "name")]}


def test_a_multiply_add_counts_two_forward_and_backward() -> None:
    """A product for the outputs and one for the weights; the inputs of the first layer need no gradient."""
    assert flops_per_sample(nn.Linear(8, 4), torch.empty(1, 8)) == 2 * (2 * 8 * 4)
    both = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))
    assert flops_per_sample(both, torch.empty(1, 8)) == 2 * (2 * 8 * 4) + 3 * (2 * 4 * 2)


def test_a_convolution_counts_every_output_pixel() -> None:
    found = flops_per_sample(nn.Conv2d(3, 4, 3, padding=1), torch.empty(1, 3, 16, 16))
    assert found == 2 * (2 * 16 * 16 * 4 * 3 * 3 * 3)


def test_all_outputs_of_a_tree_are_counted() -> None:
    heads = 3 * 2 * (4 * 2 + 4 * 3)
    assert flops_per_sample(TwoHeads(), torch.empty(1, 8)) == 2 * (2 * 8 * 4) + heads


def test_the_model_itself_is_left_alone() -> None:
    model = TwoHeads()
    flops_per_sample(model, torch.empty(1, 8))
    assert all(parameter.device == torch.device("cpu") and parameter.grad is None for parameter in model.parameters())


def test_an_operation_that_the_meta_device_lacks_is_computed() -> None:
    class Unknown(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            if x.is_meta:
                raise NotImplementedError("no Meta kernel registered")
            return x.clone()

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return grad

    class WithUnknown(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = Unknown.apply(super().forward(x))
            return result

    known, unknown = nn.Conv2d(3, 4, 3), WithUnknown(3, 4, 3)
    assert model_report(unknown, torch.empty(1, 3, 8, 8)) == model_report(known, torch.empty(1, 3, 8, 8))
    assert all(parameter.grad is None for parameter in unknown.parameters())


class TwoInputs(nn.Module):
    """Its input is a tree: images, and tokens that choose rows of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.images, self.tokens = nn.Linear(8, 4), nn.Embedding(5, 4)

    def forward(self, inputs: tuple[Tensor, dict[str, Tensor]]) -> Tensor:
        images, others = inputs
        products: Tensor = self.images(images) @ self.tokens(others["tokens"]).mT  # (N, N)
        return products


def test_all_inputs_of_a_tree_arrive_and_the_first_is_the_image() -> None:
    found = model_report(TwoInputs(), (torch.empty(1, 8), {"tokens": torch.tensor([3])}))
    assert found.flops_per_sample == 2 * (2 * 8 * 4) + 3 * (2 * 4)
    assert found.first_layer_shape == [1, 8]
