"""Many small polygons in one array, so that the geometry of a sample costs a few numpy calls, not a few per polygon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PolygonBatch:
    """n polygons, one after the other.

    Attributes:
        points: (m, 2) x and y of all vertices.
        ends: (n,) int, the end of each polygon in `points`, exclusive; every polygon has at least one vertex.

    Raises:
        ValueError: if the shapes do not match.
    """

    points: NDArray[Any]
    ends: NDArray[np.int_]

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise ValueError(f"points are (m, 2), not {self.points.shape}")
        if len(self.points) != (self.ends[-1] if len(self.ends) else 0):
            raise ValueError(f"the last polygon does not end with the last of {len(self.points)} points")

    @classmethod
    def of(cls, polygons: Sequence[NDArray[Any]]) -> PolygonBatch:
        """From n arrays (k, 2); k may differ between them."""
        if not polygons:
            return cls(np.empty((0, 2)), np.empty(0, int))
        return cls(np.concatenate(polygons), np.cumsum([len(polygon) for polygon in polygons]))

    def __len__(self) -> int:
        return len(self.ends)

    def arrays(self) -> list[NDArray[Any]]:
        """The n polygons (k, 2), views."""
        ends = self.ends.tolist()
        return [self.points[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def with_points(self, points: NDArray[Any]) -> PolygonBatch:
        return PolygonBatch(points, self.ends)

    def transformed(self, matrix: NDArray[np.float64]) -> PolygonBatch:
        """Transformed by the (2, 3) affine matrix."""
        return self.with_points(self.points @ matrix[:, :2].T + matrix[:, 2])

    def moved(self, offsets: NDArray[Any]) -> PolygonBatch:
        """Each polygon moved by its own offset, (n, 2)."""
        return self.with_points(self.points + np.repeat(offsets, np.diff(self.ends, prepend=0), axis=0))

    def bounds(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Smallest x and y of each polygon, (n, 2), and largest, (n, 2)."""
        if not len(self):
            return self.points, self.points
        starts = np.concatenate(([0], self.ends[:-1]))
        return np.minimum.reduceat(self.points, starts), np.maximum.reduceat(self.points, starts)


def signed_areas(polygons: NDArray[np.generic]) -> NDArray[np.float64]:
    """(n, k, 2) -> (n,), positive if the corners run clockwise on the screen, y pointing down."""
    x, y = np.moveaxis(np.asarray(polygons, np.float64), -1, 0)  # (n, k) each
    areas: NDArray[np.float64] = (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1) / 2
    return areas
