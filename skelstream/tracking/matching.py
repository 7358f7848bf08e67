"""Assignment of people to tracks."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

_NEVER = 1e3


def assign(similarity: np.ndarray, minimum: float, weight: np.ndarray | float = 1.0) -> list[tuple[int, int]]:
    """The pairs that together are most alike (Hungarian algorithm), each at least ``minimum`` alike.

    Args:
        similarity: float (A, B) in [0, 1].
        minimum: pairs below it, and pairs of similarity 0, are never made.
        weight: float (A, B) in [0, 1]: how much a pair's similarity counts against that of others.

    Returns:
        (row, column) pairs, by row.
    """
    good = (similarity >= minimum) & (similarity > 0)
    if not good.any():
        return []
    rows, columns = linear_sum_assignment(np.where(good, 1.0 - similarity * weight, _NEVER))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if good[r, c]]
