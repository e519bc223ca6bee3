"""What a batch of PARSeqDataset becomes on the device."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ocr_models.parseq.model import Inputs
from ocr_models.parseq.permutations import permutation_rows
from ocr_models.recognition.layers import Normalise
from ocr_models.task import Batch


class Targets(NamedTuple):
    """What the loss needs, in the order of `permuted_loss`.

    Attributes:
        tokens: (N, 27) int64: start, characters, end, padding.
        permutations: (6, 27) int64: the orders of reading.
    """

    tokens: Tensor
    permutations: Tensor


class PrepareBatch(nn.Module):
    """A batch of PARSeqDataset -> what the network and the loss get.

    All samples of a batch are read in the same orders, as in the recipe: in those that its first sample carries.
    """

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise()

    def forward(self, batch: Batch) -> tuple[Inputs, Targets]:
        pixels, tokens, drawn = batch  # (N, 3, 32, 128), (N, 27), (N, 2, 25): uint8
        tokens = tokens.long()
        permutations = permutation_rows(drawn[0])  # (6, 27)
        return Inputs(self.normalise(pixels), tokens[:, :-1], permutations), Targets(tokens, permutations)
