from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.harness.worker.probes.flops import flops_per_sample


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
    assert flops_per_sample(nn.Linear(8, 4), (8,)) == 2 * (2 * 8 * 4)
    both = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))
    assert flops_per_sample(both, (8,)) == 2 * (2 * 8 * 4) + 3 * (2 * 4 * 2)


def test_a_convolution_counts_every_output_pixel() -> None:
    found = flops_per_sample(nn.Conv2d(3, 4, 3, padding=1), (3, 16, 16))
    assert found == 2 * (2 * 16 * 16 * 4 * 3 * 3 * 3)


def test_all_outputs_of_a_tree_are_counted() -> None:
    heads = 3 * 2 * (4 * 2 + 4 * 3)
    assert flops_per_sample(TwoHeads(), (8,)) == 2 * (2 * 8 * 4) + heads


def test_the_model_itself_is_left_alone() -> None:
    model = TwoHeads()
    flops_per_sample(model, (8,))
    assert all(parameter.device == torch.device("cpu") and parameter.grad is None for parameter in model.parameters())
