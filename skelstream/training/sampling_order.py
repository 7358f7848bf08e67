"""The order in which training samples are drawn from several sets; endless and repeatable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

# Number of samples after which the sequence of sets repeats.
_BLOCK = 100

Item = TypeVar("Item")


@dataclass(frozen=True)
class SamplingOrder(Generic[Item]):
    """The order of the samples: sets alternate by weight, and each set's items are shuffled anew in every
    round.

    Attributes:
        sets: items of each set.
        weights: each set's share of the samples, relative to the others'.
        seed: seed of the order.
    """

    sets: Sequence[Sequence[Item]]
    weights: Sequence[float]
    seed: int = 0
    _orders: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def _slots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Set of each slot of a block, rank of each slot in its set, and number of slots of each set."""
        counts = np.maximum(np.round(np.array(self.weights) / np.sum(self.weights) * _BLOCK), 1).astype(int)
        sets = np.random.default_rng([self.seed, 2]).permutation(np.repeat(np.arange(len(counts)), counts))
        ranks = np.array([np.sum(sets[:i] == k) for i, k in enumerate(sets)])
        return sets, ranks, counts

    def pick(self, number: int, skip: int = 0) -> Item:
        """Return the item of sample ``number``.

        Args:
            number: number of the sample, from 0.
            skip: number of places to go on in the same set.
        """
        sets, ranks, counts = self._slots
        block, slot = divmod(number, len(sets))
        which = int(sets[slot])
        items = self.sets[which]
        position = block * int(counts[which]) + int(ranks[slot]) + skip
        round_, place = divmod(position, len(items))
        if (which, round_) not in self._orders:
            for old in [key for key in self._orders if key[0] == which]:
                del self._orders[old]
            self._orders[which, round_] = np.random.default_rng([self.seed, which, round_]).permutation(
                len(items)
            )
        return items[self._orders[which, round_][place]]
