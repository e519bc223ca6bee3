"""The search for the largest batch that trains: which batch is tried next, given what the tries so far have shown.

Doubling until a batch runs out of memory, or halving until one trains; then bisection over the batches of the grid
between the two: all numbers below 8, and multiples of 8 from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GRID = 8


@dataclass(frozen=True)
class Tried:
    """A batch size, and whether it trained. Otherwise it ran out of memory."""

    batch: int
    trained: bool


@dataclass(frozen=True)
class BatchSearch:
    """A search that begins with `first` and tries nothing larger than `most`."""

    first: int
    most: int

    def next_batch(self, tried: Sequence[Tried]) -> int | None:
        """The batch to be tried next, never one that was tried; None if the search has ended."""
        if not tried:
            return min(self.first, self.most)
        trained, failed = largest_trained(tried), smallest_failed(tried)
        if failed is None:
            assert trained is not None, "each try has trained or failed"
            return None if trained >= self.most else min(self.most, _on_grid(2 * trained))
        if trained is None:
            return None if failed == 1 else _on_grid(failed // 2)
        return _between(trained, failed)


def largest_trained(tried: Sequence[Tried]) -> int | None:
    """None if no batch has trained."""
    return max((each.batch for each in tried if each.trained), default=None)


def smallest_failed(tried: Sequence[Tried]) -> int | None:
    """None if no batch ran out of memory."""
    return min((each.batch for each in tried if not each.trained), default=None)


def contradicting(tried: Sequence[Tried]) -> tuple[int, int] | None:
    """A batch that ran out of memory and a larger one that trained; None if there are none such."""
    trained, failed = largest_trained(tried), smallest_failed(tried)
    return None if trained is None or failed is None or trained < failed else (failed, trained)


def _on_grid(batch: int) -> int:
    """The largest batch of the grid that is at most this one."""
    return batch if batch < GRID else batch // GRID * GRID


def _between(low: int, high: int) -> int | None:
    """The batch of the grid nearest to the middle of two others and between them; None if there is none."""
    middle = _on_grid((low + high) // 2)
    if middle > low:
        return middle
    above = middle + (1 if middle < GRID else GRID)
    return above if low < above < high else None
