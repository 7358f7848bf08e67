"""HOTA (Luiten et al. 2021): higher order tracking accuracy, computed as TrackEval does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

Overlaps = tuple[np.ndarray, np.ndarray, np.ndarray]
"""One frame: ids of the true people (P,), ids of the tracked people (Q,), and similarities in [0, 1] (P, Q)."""

_THRESHOLDS = np.arange(1, 20) / 20
_TINY = np.finfo(float).eps


def hota(frames: Sequence[Overlaps]) -> tuple[float, float, float]:
    """Return HOTA, DetA and AssA, each in [0, 1], as means over the similarity thresholds 0.05, 0.10 … 0.95.

    At each threshold DetA is the Jaccard index of true and tracked people, and AssA the mean, over the matches, of the Jaccard
    index of the true identity and the track that were matched; HOTA is the root of their product.
    """
    true = _numbered([ids for ids, _, _ in frames])
    found = _numbered([ids for _, ids, _ in frames])
    similarities = [similarity for _, _, similarity in frames]
    true_count, found_count = _counts(true)[:, None], _counts(found)[None]
    if not true_count.sum() or not found_count.sum():
        return 0.0, 0.0, 0.0

    # In each frame, pairs are preferred whose identity and track agree over the whole video.
    together = np.zeros((len(true_count), found_count.shape[1]))
    for p, q, similarity in zip(true, found, similarities, strict=True):
        either = similarity.sum(0)[None] + similarity.sum(1)[:, None] - similarity
        together[np.ix_(p, q)] += np.divide(
            similarity, either, out=np.zeros_like(similarity), where=either > _TINY
        )
    alignment = together / (true_count + found_count - together)

    matched = np.zeros((len(_THRESHOLDS), *together.shape))
    for p, q, similarity in zip(true, found, similarities, strict=True):
        rows, columns = linear_sum_assignment(-alignment[np.ix_(p, q)] * similarity)
        enough = similarity[rows, columns] >= _THRESHOLDS[:, None] - _TINY
        matched[:, p[rows], q[columns]] += enough

    matches = matched.sum((1, 2))
    detection = matches / (true_count.sum() + found_count.sum() - matches)
    jaccard = matched / np.maximum(1, true_count + found_count - matched)
    association = (matched * jaccard).sum((1, 2)) / np.maximum(1, matches)
    return (
        float(np.sqrt(detection * association).mean()),
        float(detection.mean()),
        float(association.mean()),
    )


def _numbered(ids: list[np.ndarray]) -> list[np.ndarray]:
    """Return the ids of each frame as numbers from 0."""
    known = np.unique(np.concatenate([np.empty(0, int), *ids]))
    return [np.searchsorted(known, one) for one in ids]


def _counts(numbers: list[np.ndarray]) -> np.ndarray:
    """Return the number of frames with each number."""
    return np.bincount(np.concatenate([np.empty(0, int), *numbers]))
