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
from ocr_models.detection.submission import EvaluationError, StrPath, TextLine, read_ground_truth, read_submission

IOU_THRESHOLD = 0.5
SET_ASIDE_SHARE = 0.5


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


def evaluate_icdar2015(gt_zip: StrPath, submission_zip: StrPath) -> dict[str, float]:
    """Score a submission over all images together.

    Args:
        gt_zip: archive of `gt_img_<n>.txt`, lines `x1,y1,...,x4,y4,transcription`, `###` for an ignored text.
        submission_zip: archive of `res_img_<n>.txt`, lines `x1,y1,...,x4,y4`; an image without file has no detections.

    Returns:
        precision, recall and hmean, their harmonic mean, each 0 to 1.

    Raises:
        EvaluationError: if an archive cannot be read or breaks the format.
    """
    return _overall(evaluate_images(gt_zip, submission_zip).values())


def evaluate_images(gt_zip: StrPath, submission_zip: StrPath) -> dict[str, ImageResult]:
    """As `evaluate_icdar2015`, but image by image: image number, "12" -> result."""
    truths = read_ground_truth(gt_zip)
    submitted = read_submission(submission_zip)
    for number in submitted:
        if number not in truths:
            raise EvaluationError(f"{submission_zip}: res_img_{number}.txt: the ground truth has no such image")
    return {number: _score_image(lines, submitted.get(number, [])) for number, lines in truths.items()}


def _score_image(truths: Sequence[TextLine], detections: Sequence[TextLine]) -> ImageResult:
    truth_quads, detected_quads = _quads(truths), _quads(detections)  # (t, 4, 2), (d, 4, 2)
    is_ignored = np.array([truth.is_ignored for truth in truths], bool)
    overlaps = _overlaps(truth_quads, detected_quads)  # (t, d)
    truth_areas, detected_areas = _areas(truth_quads), _areas(detected_quads)
    shares = _ratios(overlaps, np.broadcast_to(detected_areas, overlaps.shape))
    is_set_aside = (shares[is_ignored] > SET_ASIDE_SHARE).any(axis=0)
    ious = _ratios(overlaps, truth_areas[:, None] + detected_areas - overlaps)
    return ImageResult(
        ground_truths=int((~is_ignored).sum()),
        detections=int((~is_set_aside).sum()),
        matches=_count_matches(ious[~is_ignored][:, ~is_set_aside] > IOU_THRESHOLD),
    )


def _count_matches(fits: NDArray[np.bool_]) -> int:
    """(t, d) -> number of matched pairs. Each ground truth, in order, takes the first fitting detection still free."""
    taken: set[int] = set()
    for row in fits:
        taken.update([int(index) for index in np.flatnonzero(row) if index not in taken][:1])
    return len(taken)


def _quads(lines: Sequence[TextLine]) -> NDArray[np.float64]:
    return np.array([line.corners for line in lines]).reshape(-1, 4, 2)


def _areas(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4, 2) -> (n,). If one crosses itself, the difference of its two parts, as in the competition's script."""
    return np.abs(signed_areas(quads))


def _overlaps(truths: NDArray[np.float64], detections: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas of all intersections, (t, 4, 2) and (d, 4, 2) -> (t, d); computed only if the bounding boxes overlap."""
    overlaps = np.zeros((len(truths), len(detections)))
    begins_before = truths.min(axis=1)[:, None] < detections.max(axis=1)  # (t, d, 2)
    ends_after = truths.max(axis=1)[:, None] > detections.min(axis=1)
    rows, columns = np.nonzero((begins_before & ends_after).all(axis=-1))
    if rows.size:
        shared = shapely.intersection(_regions(truths)[rows], _regions(detections)[columns])
        overlaps[rows, columns] = shapely.area(shared)
    return overlaps


def _regions(quads: NDArray[np.float64]) -> NDArray[np.object_]:
    """(n, 4, 2) -> (n,) shapes. One that crosses itself becomes its two parts; one without area becomes empty."""
    regions: NDArray[np.object_] = shapely.polygons(quads)
    for index in np.flatnonzero(~shapely.is_valid(regions)):
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(regions[index])))
        is_area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
        regions[index] = shapely.multipolygons(parts[is_area])
    return regions


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
