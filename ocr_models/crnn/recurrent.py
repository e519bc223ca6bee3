"""CRNN's recurrent layer: a bidirectional LSTM and a linear layer."""

from __future__ import annotations

from torch import Tensor, nn


class RecurrentLayer(nn.Module):
    """A bidirectional LSTM and a linear layer on both states: (N, T, inputs) -> (N, T, outputs).

    The states start at 0 at either end. Modules have the names of the reference.

    Args:
        inputs, outputs: features per time step.
        hidden: size of the state in each direction.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x)  # (N, T, 2 * hidden)
        outputs: Tensor = self.linear(states)
        return outputs
