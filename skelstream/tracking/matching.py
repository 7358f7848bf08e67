"""Matching of people to tracks."""

from __future__ import annotations

import numpy as np

_NEVER = 1e3


def assign(similarity: np.ndarray, minimum: float, weight: np.ndarray | float = 1.0) -> list[tuple[int, int]]:
    """Return the pairs with the greatest total similarity (Hungarian algorithm), each of at least ``minimum``.

    Args:
        similarity: float (A, B) in [0, 1].
        minimum: least similarity of a pair; pairs of similarity 0 are never made.
        weight: float (A, B) in [0, 1], weight of a pair's similarity against that of others.

    Returns:
        (row, column) pairs, ordered by row.
    """
    good = (similarity >= minimum) & (similarity > 0)
    if not good.any():
        return []
    from scipy.optimize import linear_sum_assignment  # see tracking.libraries

    rows, columns = linear_sum_assignment(np.where(good, 1.0 - similarity * weight, _NEVER))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if good[r, c]]
