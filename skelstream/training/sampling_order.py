"""Which item of which set comes when, in an endless, repeatable order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

# Samples after which the turns of the sets repeat.
_BLOCK = 100

Item = TypeVar("Item")


@dataclass(frozen=True)
class Turns(Generic[Item]):
    """Sets take turns by weight, each walks through its items in shuffled rounds.

    Attributes:
        sets: each set's items.
        weights: each set's share of the samples.
        seed: another seed is another order.
    """

    sets: Sequence[Sequence[Item]]
    weights: Sequence[float]
    seed: int = 0
    _orders: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def _slots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The sets of a block of samples in turn, each slot's rank among its set's, and the slots of each set."""
        counts = np.maximum(np.round(np.array(self.weights) / np.sum(self.weights) * _BLOCK), 1).astype(int)
        sets = np.random.default_rng([self.seed, 2]).permutation(np.repeat(np.arange(len(counts)), counts))
        ranks = np.array([np.sum(sets[:i] == k) for i, k in enumerate(sets)])
        return sets, ranks, counts

    def pick(self, number: int, skip: int = 0) -> Item:
        """The item of sample ``number``.

        Args:
            skip: take the item so many places further on in the same set.
        """
        sets, ranks, counts = self._slots
        block, slot = divmod(number, len(sets))
        which = int(sets[slot])
        items = self.sets[which]
        turn = block * int(counts[which]) + int(ranks[slot]) + skip
        round_, place = divmod(turn, len(items))
        if (which, round_) not in self._orders:
            for old in [key for key in self._orders if key[0] == which]:
                del self._orders[old]
            self._orders[which, round_] = np.random.default_rng([self.seed, which, round_]).permutation(
                len(items)
            )
        return items[self._orders[which, round_][place]]
