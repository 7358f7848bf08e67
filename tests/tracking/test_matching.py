from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skelstream.tracking.matching import assign


def test_the_pairs_with_the_largest_sum_are_chosen():
    assert assign(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.2) == [(0, 1), (1, 0)]


def test_pairs_below_the_minimum_are_never_chosen():
    assert assign(np.array([[0.5, 0.1], [0.1, 0.1]]), 0.2) == [(0, 0)]


def test_zero_similarity_is_never_a_pair():
    assert assign(np.zeros((2, 2)), 0.0) == []


def test_no_rows_or_columns():
    assert assign(np.zeros((0, 3)), 0.2) == []
    assert assign(np.zeros((3, 0)), 0.2) == []


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4))
def test_the_result_equals_exhaustive_search(seed, rows, columns):
    table = np.random.default_rng(seed).random((rows, columns))
    pairs = assign(table, 0.3)
    good = np.where(table >= 0.3, table, 0)
    square = np.zeros((4, 4))
    square[:rows, :columns] = good
    # The most pairs come first, then the largest sum.
    best = max(
        (sum(square[i, p[i]] > 0 for i in range(4)), sum(square[i, p[i]] for i in range(4)))
        for p in permutations(range(4))
    )
    assert len(pairs) == best[0]
    assert abs(sum(table[r, c] for r, c in pairs) - best[1]) < 1e-9
