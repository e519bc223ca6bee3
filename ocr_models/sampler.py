"""The endless stream of samples from which each rank draws its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class EndlessSampler(Sampler[tuple[int, int]]):
    """Yields (image index, position) endlessly, with a new permutation of all images per epoch.

    Positions count one stream over all ranks: the k-th sample of a rank has position k * world_size + rank. So the
    stream is the same for any number of ranks, no two ranks see the same position, and a sample drawn from
    (seed, position) does not depend on the rank. The stream begins at position `start`, for a training that resumes.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, length: int, *, seed: int, rank: int = 0, world_size: int = 1, start: int = 0) -> None:
        if length < 1:
            raise ValueError(f"length is {length}, must be at least 1")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank is {rank}, must be from 0 to world_size - 1 = {world_size - 1}")
        if start < 0:
            raise ValueError(f"start is {start}, must be at least 0")
        self.length = length
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.start = start

    def __iter__(self) -> Iterator[tuple[int, int]]:
        position, epoch = self.start + self.rank, -1
        while True:
            if position // self.length != epoch:
                epoch = position // self.length
                order = np.random.default_rng((self.seed, epoch)).permutation(self.length).tolist()
            yield order[position % self.length], position
            position += self.world_size
