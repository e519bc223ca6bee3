"""Many small polygons in one array, so that the geometry of a sample costs a few numpy calls, not a few per polygon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
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
        return self.with_points(self.points + np.repeat(offsets, self.ends - self._starts(), axis=0))

    def kept(self, keep: NDArray[np.bool_]) -> PolygonBatch:
        """The polygons of which `keep` (n,) is true."""
        lengths = self.ends - self._starts()
        return PolygonBatch(self.points[np.repeat(keep, lengths)], np.cumsum(lengths[keep]))

    def areas(self) -> NDArray[np.float64]:
        """Areas (n,), whatever the direction of the vertices. Every polygon needs three vertices or more."""
        areas: NDArray[np.float64] = shapely.area(shapely.polygons(self._rings()))
        return areas

    def perimeters(self) -> NDArray[np.float64]:
        """Lengths of the closed outlines, (n,). Every polygon needs three vertices or more."""
        lengths: NDArray[np.float64] = shapely.length(self._rings())
        return lengths

    def _rings(self) -> NDArray[np.object_]:
        """The closed outlines (n,).

        Measured by shapely, as published detectors measure texts: distances that are computed from areas and perimeters
        are rounded later, and the last bit of one such as 1.5 can move a point by a pixel.
        """
        numbers = np.repeat(np.arange(len(self)), self.ends - self._starts())
        rings: NDArray[np.object_] = shapely.linearrings(np.asarray(self.points, np.float64), indices=numbers)
        return rings

    def _starts(self) -> NDArray[np.int_]:
        starts = np.zeros_like(self.ends)
        starts[1:] = self.ends[:-1]
        return starts

    def bounds(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Smallest x and y of each polygon, (n, 2), and largest, (n, 2)."""
        if not len(self):
            return self.points, self.points
        starts = self._starts()
        return np.minimum.reduceat(self.points, starts), np.maximum.reduceat(self.points, starts)


def signed_areas(polygons: NDArray[np.generic]) -> NDArray[np.float64]:
    """(n, k, 2) -> (n,), positive if the corners run clockwise on the screen, y pointing down."""
    x, y = np.moveaxis(np.asarray(polygons, np.float64), -1, 0)  # (n, k) each
    areas: NDArray[np.float64] = (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1) / 2
    return areas


def clip_polygon(polygon: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float64]:
    """The polygon cut to low <= (x, y) <= high (Sutherland-Hodgman): (m, 2), m = 0 if nothing is left."""
    vertices = np.asarray(polygon, np.float64)
    for axis in (0, 1):
        vertices = _cut(vertices, vertices[:, axis] - low[axis])
        vertices = _cut(vertices, high[axis] - vertices[:, axis])
    return vertices


def _cut(vertices: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of the polygon (k, 2) on the side of a line on which `distance` (k,) of its vertices is not negative."""
    following, following_distance = np.roll(vertices, -1, axis=0), np.roll(distance, -1)
    inside = distance >= 0
    crosses = inside != (following_distance >= 0)
    share = distance / np.where(crosses, distance - following_distance, 1)
    crossings = vertices + share[:, None] * (following - vertices)
    both: NDArray[np.float64] = np.stack((vertices, crossings), axis=1)  # (k, 2 points, 2)
    part: NDArray[np.float64] = both[np.stack((inside, crosses), axis=1)]  # (m, 2)
    return part
