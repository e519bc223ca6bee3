"""Random numbers of samples by their position, without a new generator for each."""

from __future__ import annotations

import numpy as np


class SampleNumbers:
    """Independent random numbers for each (seed, position).

    Philox is made for this: its key selects one of 2^128 independent streams (Salmon et al., Parallel Random Numbers:
    As Easy as 1, 2, 3; 2011). Setting the key takes 2 microseconds; making a generator takes 15, and several times that
    between other work, whose code displaces it from the processor's caches.
    """

    def __init__(self, seed: int) -> None:
        """Raises OverflowError unless 0 <= seed < 2^64."""
        self._generator = np.random.Generator(np.random.Philox(key=0))
        self._start = self._generator.bit_generator.state
        self._start["state"]["key"] = np.array((seed, 0), np.uint64)

    def at(self, position: int) -> np.random.Generator:
        """The generator, at the first number of a position. It is the same object in each call."""
        self._start["state"]["key"][1] = position
        self._generator.bit_generator.state = self._start
        return self._generator
