"""COCO keypoint scoring with pycocotools, and bootstrap intervals over images."""

from __future__ import annotations

import io
from collections import defaultdict
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from skelstream.datasets.coco import JOINTS
from skelstream.evaluation.annotations import CocoSet, LabelledPerson
from skelstream.evaluation.results import PERSON

METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""COCO's ten figures in pycocotools' order: average precision and recall over the similarity thresholds
0.50:0.05:0.95, at 0.50, at 0.75, and for medium (32² to 96² square pixels) and large people."""

_AREAS = {"M": 1, "L": 2}  # rows of COCO's areas by the metric's last letter; 0 for other letters
_THRESHOLDS = {"50": slice(0, 1), "75": slice(5, 6)}
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class ImageMatch:
    """Labelled people and estimates of one image.

    Attributes:
        image_id: id of the image.
        persons: G labelled people and crowds.
        keypoints: float64 (D, 17, 3), the estimates by falling score, at most 20 by COCO's rules; missing
            joints are 0.
        scores: float64 (D,), scores of the estimates.
        oks: float64 (D, G), object keypoint similarity of estimates and people.
    """

    image_id: int | str
    persons: tuple[LabelledPerson, ...]
    keypoints: np.ndarray
    scores: np.ndarray
    oks: np.ndarray


@dataclass(frozen=True)
class _Area:
    """Matches of all images in one range of areas, D estimates by falling score.

    Attributes:
        image: intp (D,), row of the estimate's image.
        right, wrong: bool (T, D), whether an estimate is right or wrong at each of the T similarity
            thresholds; an ignored estimate is neither.
        positives: int64 (I,), number of labelled people that count in each image.
    """

    image: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    positives: np.ndarray


@dataclass(frozen=True)
class CocoScores:
    """Scores of one set of results.

    Attributes:
        metrics: the figures of ``METRICS`` in percent; NaN without labelled people.
        images: labelled people and estimates of each image, by rising image id.
        estimated: number of estimated people, before COCO's limit of 20 per image.
        labelled: number of labelled people that count.
    """

    metrics: dict[str, float]
    images: tuple[ImageMatch, ...]
    estimated: int
    labelled: int
    _areas: tuple[_Area, ...]

    def reweighted(self, weights: np.ndarray) -> dict[str, float]:
        """Return the figures of a set in which image i occurs ``weights[i]`` times.

        They equal a new scoring of the repeated images, except for the order of equal scores.

        Args:
            weights: int (I,), number of occurrences, in the order of ``images``.
        """
        curves = [_precision_recall(area, weights) for area in self._areas]
        out = {}
        for name in METRICS:
            curve = curves[_AREAS.get(name[-1], 0)]
            values = curve[name.startswith("AR")][_THRESHOLDS.get(name[2:], slice(None))]
            out[name] = 100 * float(values.mean())
        return out


@dataclass(frozen=True)
class Interval:
    """Confidence interval of a figure, in percent.

    Attributes:
        low, high: bounds of the interval.
        deviation: standard error of the figure.
    """

    low: float
    high: float
    deviation: float


def score(coco_set: CocoSet, results: list[dict]) -> CocoScores:
    """Score results on all images of a set; an image without results counts as one without estimates.

    Args:
        coco_set: the ground truth.
        results: COCO results; those of images outside the set are left out. They are not modified.
    """
    results = [r for r in results if r["image_id"] in coco_set.images]
    evaluation = COCOeval(_truth(coco_set), None, "keypoints")
    params: Any = evaluation.params  # its type annotations exclude ids that are words
    params.imgIds, params.catIds = sorted(coco_set.images), [PERSON]
    with redirect_stdout(io.StringIO()):
        evaluation.cocoDt = _api(evaluation.cocoGt.dataset["images"], _detections(results))
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    stats = [100 * s if s >= 0 else float("nan") for s in evaluation.stats.tolist()]
    return CocoScores(
        metrics=dict(zip(METRICS, stats, strict=True)),
        images=_matches(coco_set, results, evaluation),
        estimated=len(results),
        labelled=sum(not p.ignored for people in coco_set.persons.values() for p in people),
        _areas=_areas(coco_set, evaluation),
    )


def bootstrap(
    scores: CocoScores, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """Return percentile intervals of the figures, by a bootstrap over images (Efron and Tibshirani, 1993, ch. 13).

    People are matched once; each draw only adds up the precision-recall curves again. The interval shows how
    much a figure depends on the choice of images, and not how much it depends on chance in training.

    Args:
        scores: scores from ``score``.
        resamples: number of draws.
        level: share of the draws inside the interval.
        seed: seed of the draws.
    """
    random = np.random.default_rng(seed)
    count = len(scores.images)
    draws: dict[str, list[float]] = defaultdict(list)
    for _ in range(resamples):
        weights = np.bincount(random.integers(count, size=count), minlength=count)
        for name, value in scores.reweighted(weights).items():
            if np.isfinite(value):
                draws[name].append(value)
    tail = 50 * (1 - level)
    intervals = {}
    for name in METRICS:
        values = np.asarray(draws[name] or [np.nan])
        low, high = np.percentile(values, [tail, 100 - tail])
        intervals[name] = Interval(float(low), float(high), float(values.std()))
    return intervals


def _precision_recall(area: _Area, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return average precision and last recall at the T thresholds, as ``COCOeval.accumulate`` does."""
    thresholds = len(area.right)
    positives = int(weights @ area.positives)
    if not positives:
        return np.full(thresholds, np.nan), np.full(thresholds, np.nan)
    copies = weights[area.image]
    right = np.cumsum(area.right * copies, axis=1)
    wrong = np.cumsum(area.wrong * copies, axis=1)
    precision = right / (right + wrong + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    envelope = np.concatenate([envelope, np.zeros((thresholds, 1))], axis=1)
    # COCO reads the curve at the first estimate that reaches each recall; beyond the last one it is zero.
    recall = right / positives
    reached = [np.searchsorted(r, _RECALLS, side="left") for r in recall]
    average = np.take_along_axis(envelope, np.stack(reached), axis=1).mean(1)
    return average, recall[:, -1] if recall.shape[1] else np.zeros(thresholds)


def _api(images: list[Any], annotations: list[dict]) -> COCO:
    api = COCO()
    categories = [{"id": PERSON, "name": "person"}]
    dataset: Any = {"images": images, "annotations": annotations, "categories": categories}
    api.dataset = dataset
    api.createIndex()
    return api


def _truth(coco_set: CocoSet) -> COCO:
    rows = [
        {
            "id": person.id,
            "image_id": person.image_id,
            "category_id": PERSON,
            "keypoints": person.keypoints.ravel().tolist(),
            "num_keypoints": 0 if person.ignored else int(person.labelled.sum()),
            "area": person.area,
            "bbox": person.box.tolist(),
            "iscrowd": int(person.crowd),
        }
        for people in coco_set.persons.values()
        for person in people
    ]
    with redirect_stdout(io.StringIO()):
        return _api([{"id": image_id} for image_id in coco_set.images], rows)


def _detections(results: list[dict]) -> list[dict]:
    """Return results with the fields that ``COCO.loadRes`` adds; that function fails on an empty list.

    The area, which decides between medium and large, is that of the box if all results have boxes, else of
    the joints.
    """
    boxed = all("bbox" in result for result in results)
    rows = []
    for number, result in enumerate(results, 1):
        x, y = result["keypoints"][0::3], result["keypoints"][1::3]
        area = result["bbox"][2] * result["bbox"][3] if boxed else (max(x) - min(x)) * (max(y) - min(y))
        rows.append({**result, "category_id": PERSON, "id": number, "area": area})
    return rows


def _matches(coco_set: CocoSet, results: list[dict], evaluation: COCOeval) -> tuple[ImageMatch, ...]:
    by_image = defaultdict(list)
    for result in results:
        by_image[result["image_id"]].append(result)
    most = evaluation.params.maxDets[-1]
    matches = []
    for image_id in evaluation.params.imgIds:
        best = sorted(by_image[image_id], key=lambda r: -r["score"])[:most]
        persons = coco_set.persons[image_id]
        keypoints = np.asarray([r["keypoints"] for r in best], np.float64).reshape(len(best), JOINTS, 3)
        oks = np.asarray(evaluation.ious[image_id, PERSON], np.float64).reshape(len(best), len(persons))
        matches.append(
            ImageMatch(image_id, persons, keypoints, np.asarray([r["score"] for r in best], np.float64), oks)
        )
    return tuple(matches)


def _areas(coco_set: CocoSet, evaluation: COCOeval) -> tuple[_Area, ...]:
    count = len(coco_set.images)
    thresholds = len(evaluation.params.iouThrs)
    tables = []
    for a in range(len(evaluation.params.areaRng)):
        cells = evaluation.evalImgs[a * count : (a + 1) * count]
        filled = [(row, cell) for row, cell in enumerate(cells) if cell is not None]
        scores = np.concatenate([np.empty(0), *(cell["dtScores"] for _, cell in filled)])
        order = np.argsort(-scores, kind="mergesort")
        nothing = np.empty((thresholds, 0), bool)
        matched = np.concatenate([nothing, *(cell["dtMatches"] > 0 for _, cell in filled)], axis=1)[:, order]
        ignored = np.concatenate([nothing, *(cell["dtIgnore"] > 0 for _, cell in filled)], axis=1)[:, order]
        image = np.repeat([row for row, _ in filled], [len(cell["dtScores"]) for _, cell in filled])
        positives = np.zeros(count, np.int64)
        for row, cell in filled:
            positives[row] = np.count_nonzero(np.asarray(cell["gtIgnore"]) == 0)
        tables.append(_Area(image.astype(np.intp)[order], matched & ~ignored, ~matched & ~ignored, positives))
    return tuple(tables)
