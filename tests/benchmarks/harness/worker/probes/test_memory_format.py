"""The memory format that a network's weights and inputs have."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.harness.worker.probes.memory_format import memory_format

PLANES = torch.empty(2, 3, 8, 8)
LAST = PLANES.to(memory_format=torch.channels_last)
VOLUME = torch.empty(2, 3, 4, 4, 4)
AMBIGUOUS = (
    torch.empty(8, 3, 1, 1),  # a 1x1 convolution
    torch.empty(8, 1, 3, 3),  # a depthwise convolution, or grey images
    torch.empty(5),
    torch.empty(5, 6),
    torch.empty(2, 3, 8).transpose(1, 2),
    torch.empty(2, 3, 8, 8).to_sparse(),
)


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        ([], None),
        (AMBIGUOUS, None),
        ([PLANES], "contiguous"),
        ([LAST], "channels_last"),
        ([*AMBIGUOUS, LAST, 3, "text", None], "channels_last"),
        ([LAST, PLANES], "mixed"),
        ([LAST, torch.empty(2, 8, 3, 8).transpose(1, 2)], "mixed"),
        ([torch.empty(2, 8, 3, 8).transpose(1, 2)], "mixed"),  # neither of the two
        ([PLANES[:, :, ::2]], "mixed"),
        ([VOLUME], "contiguous"),
        ([VOLUME.to(memory_format=torch.channels_last_3d), LAST], "channels_last"),
        ([torch.empty(0, 3, 8, 8)], None),
    ],
)
def test_the_format_is_that_of_all_tensors_that_can_tell(tensors: list[object], expected: str | None) -> None:
    assert memory_format(tensors) == expected


def test_parameters_are_observed_whoever_converted_them_and_when() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))

    def found() -> str | None:
        return memory_format(network.parameters())

    assert found() == "contiguous"
    network.to(memory_format=torch.channels_last)
    assert found() == "channels_last"
    first = next(network.parameters())
    first.data = first.data.contiguous()
    assert found() == "contiguous"
