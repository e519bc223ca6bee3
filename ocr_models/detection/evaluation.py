"""The ICDAR 2015 protocol for incidental scene text: scores detected quadrilaterals against the annotated ones.

Source: Karatzas et al., "ICDAR 2015 competition on Robust Reading", ICDAR 2015, task 4.1, and the competition's own
evaluation script. The results are those of the script, also for quadrilaterals that touch or cross themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from ocr_models.detection.polygons import signed_areas
from ocr_models.detection.submission import (
    LIMITS,
    EvaluationError,
    StrPath,
    TextLine,
    read_ground_truth,
    read_submission,
)
from ocr_models.errors import shown

IOU_THRESHOLD = 0.5
SET_ASIDE_SHARE = 0.5

MAX_COMPARISONS = 100_000_000
MAX_INTERSECTIONS = 200_000
"""Limits of a bounded evaluation, each a few seconds of work. 500 images of 16 texts have 128,000 pairs to compare, of
which some 8,000 overlap."""

CROSSING_COST = 10
"""Intersections that take as long as to find the parts of a quadrilateral that crosses itself."""

PAIRS_AT_ONCE = 1_000_000
"""Pairs whose bounding boxes are compared in one piece: some megabytes."""


@dataclass(frozen=True)
class ImageResult:
    """The result of one image. Ignored texts, and detections set aside because they cover one, are not counted.

    Attributes:
        ground_truths: texts that should be found.
        detections: detections that count.
        matches: texts found.
    """

    ground_truths: int
    detections: int
    matches: int

    @property
    def precision(self) -> float:
        if not self.ground_truths:
            return float(not self.detections)
        return _ratio(self.matches, self.detections)

    @property
    def recall(self) -> float:
        return self.matches / self.ground_truths if self.ground_truths else 1.0

    @property
    def hmean(self) -> float:
        return _harmonic_mean(self.precision, self.recall)


def evaluate_icdar2015(gt_zip: StrPath, submission_zip: StrPath, *, bounded: bool = True) -> dict[str, float]:
    """Score a submission over all images together.

    Args:
        gt_zip: archive of `gt_img_<n>.txt`, lines `x1,y1,...,x4,y4,transcription`, `###` for an ignored text.
        submission_zip: archive of `res_img_<n>.txt`, lines `x1,y1,...,x4,y4`; an image without file has no detections.
        bounded: whether to refuse archives that take more than seconds to score. Not needed for archives of our own.

    Returns:
        precision, recall and hmean, their harmonic mean, each 0 to 1.

    Raises:
        EvaluationError: if an archive cannot be read, breaks the format or is beyond the limits.
    """
    return _overall(evaluate_images(gt_zip, submission_zip, bounded=bounded).values())


def evaluate_images(gt_zip: StrPath, submission_zip: StrPath, *, bounded: bool = True) -> dict[str, ImageResult]:
    """As `evaluate_icdar2015`, but image by image: image number, "12" -> result."""
    truths = read_ground_truth(gt_zip, LIMITS if bounded else None)
    submitted = read_submission(submission_zip, LIMITS if bounded else None)
    for number in submitted:
        if number not in truths:
            raise EvaluationError(f"{_result_file(submission_zip, number)}: the ground truth has no such image")
    effort = _Effort(bounded)
    results = {}
    for number, lines in truths.items():
        effort.place = _result_file(submission_zip, number)
        results[number] = _score_image(lines, submitted.get(number, []), effort)
    return results


def _result_file(submission_zip: StrPath, number: str) -> str:
    return f"{shown(submission_zip)}: res_img_{shown(number)}.txt"


@dataclass
class _Effort:
    """What the images so far have cost; refuses what is beyond the limits unless it is not bounded.

    Attributes:
        place: the image that is being scored, for messages.
        comparisons: pairs of an annotated and a detected text, of the same image.
        intersections: of two polygons, in units of one of quadrilaterals.
    """

    bounded: bool
    place: str = ""
    comparisons: int = 0
    intersections: int = 0

    def compare(self, truths: int, detections: int) -> None:
        self.comparisons += truths * detections
        if self.bounded and self.comparisons > MAX_COMPARISONS:
            raise EvaluationError(
                f"{self.place}: too many texts: with {detections} detections and {truths} annotated texts here, there "
                f"are {self.comparisons} pairs to compare, at most {MAX_COMPARISONS} are"
            )

    def intersect(self, pairs: int) -> None:
        self.intersections += pairs
        if self.bounded and self.intersections > MAX_INTERSECTIONS:
            raise EvaluationError(
                f"{self.place}: too many texts overlap: at most {MAX_INTERSECTIONS} intersections are computed; "
                f"a text that crosses itself counts {CROSSING_COST} times"
            )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of an annotated and a detected text that may overlap, (p,) each: their numbers and their common area."""

    truths: NDArray[np.intp]
    detections: NDArray[np.intp]
    areas: NDArray[np.float64]


def _score_image(truths: Sequence[TextLine], detections: Sequence[TextLine], effort: _Effort) -> ImageResult:
    truth_quads, detected_quads = _quads(truths), _quads(detections)  # (t, 4, 2), (d, 4, 2)
    is_ignored = np.array([truth.is_ignored for truth in truths], bool)
    pairs = _overlapping_pairs(truth_quads, detected_quads, effort)
    truth_areas, detected_areas = _areas(truth_quads)[pairs.truths], _areas(detected_quads)[pairs.detections]  # (p,)
    covers = is_ignored[pairs.truths] & (_ratios(pairs.areas, detected_areas) > SET_ASIDE_SHARE)
    is_set_aside = np.zeros(len(detections), bool)
    is_set_aside[pairs.detections[covers]] = True
    ious = _ratios(pairs.areas, truth_areas + detected_areas - pairs.areas)
    fits = ~is_ignored[pairs.truths] & ~is_set_aside[pairs.detections] & (ious > IOU_THRESHOLD)
    return ImageResult(
        ground_truths=int((~is_ignored).sum()),
        detections=int((~is_set_aside).sum()),
        matches=_count_matches(pairs.truths[fits], pairs.detections[fits]),
    )


def _count_matches(truths: NDArray[np.intp], detections: NDArray[np.intp]) -> int:
    """Fitting pairs, ordered by truth and then by detection -> number of matched pairs.

    Each ground truth, in order, takes the first fitting detection that is still free.
    """
    done: set[int] = set()
    taken: set[int] = set()
    for truth, detection in zip(truths.tolist(), detections.tolist(), strict=True):
        if truth not in done and detection not in taken:
            done.add(truth)
            taken.add(detection)
    return len(taken)


def _quads(lines: Sequence[TextLine]) -> NDArray[np.float64]:
    return np.array([line.corners for line in lines]).reshape(-1, 4, 2)


def _areas(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4, 2) -> (n,). If one crosses itself, the difference of its two parts, as in the competition's script."""
    return np.abs(signed_areas(quads))


def _overlapping_pairs(truths: NDArray[np.float64], detections: NDArray[np.float64], effort: _Effort) -> _Pairs:
    """The pairs of (t, 4, 2) and (d, 4, 2) whose bounding boxes overlap, ordered by truth and then by detection."""
    effort.compare(len(truths), len(detections))
    found = [(np.zeros(0, np.intp), np.zeros(0, np.intp))]
    rows_at_once = max(1, PAIRS_AT_ONCE // max(1, len(detections)))
    for first in range(0, len(truths), rows_at_once):
        rows, columns = np.nonzero(_boxes_overlap(truths[first : first + rows_at_once], detections))
        effort.intersect(rows.size)
        found.append((rows + first, columns))
    rows, columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
    shared = shapely.intersection(_regions(truths, rows, effort), _regions(detections, columns, effort))
    return _Pairs(rows, columns, shapely.area(shared))


def _boxes_overlap(truths: NDArray[np.float64], detections: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(t, 4, 2) and (d, 4, 2) -> (t, d)."""
    overlap = np.ones((len(truths), len(detections)), bool)
    for axis in (0, 1):  # x, y
        overlap &= truths[..., axis].min(axis=1)[:, None] < detections[..., axis].max(axis=1)
        overlap &= truths[..., axis].max(axis=1)[:, None] > detections[..., axis].min(axis=1)
    return overlap


def _regions(quads: NDArray[np.float64], chosen: NDArray[np.intp], effort: _Effort) -> NDArray[np.object_]:
    """Shapes (p,) of the chosen ones of (n, 4, 2).

    A quadrilateral that crosses itself becomes its two parts; one without area becomes empty.
    """
    used, positions = np.unique(chosen, return_inverse=True)
    regions: NDArray[np.object_] = shapely.polygons(quads[used])
    crossing = np.flatnonzero(~shapely.is_valid(regions))
    effort.intersect(CROSSING_COST * crossing.size)
    for index in crossing:
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(regions[index])))
        is_area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
        regions[index] = shapely.multipolygons(parts[is_area])
    return regions[positions]


def _ratios(numerators: NDArray[np.float64], denominators: NDArray[np.float64]) -> NDArray[np.float64]:
    """Element by element; 0 if the denominator is 0."""
    return np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators != 0)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0


def _overall(results: Iterable[ImageResult]) -> dict[str, float]:
    counts = [(result.matches, result.detections, result.ground_truths) for result in results]
    matches, detections, ground_truths = (sum(column) for column in zip(*counts, strict=True))
    precision, recall = _ratio(matches, detections), _ratio(matches, ground_truths)
    return {"precision": precision, "recall": recall, "hmean": _harmonic_mean(precision, recall)}


def _harmonic_mean(precision: float, recall: float) -> float:
    return _ratio(2 * precision * recall, precision + recall)
