"""The protocol of part refiners: the joints of hands, or of faces, of all people in an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from skelstream.people import People
from skelstream.skeleton import Skeleton


class Parts(NamedTuple):
    """Parts of P people, such as their hands: K of each person, with V joints each.

    Attributes:
        keypoints: float32 (P, K, V, 2), source pixels, NaN where missing.
        scores: float32 (P, K, V) in [0, 1], 0 where missing.
        opposed: bool (P, K), whether the network takes a part for that of the other side.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    opposed: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """bool (P, K), whether each part was found."""
        return np.any(self.scores > 0, axis=-1)

    @staticmethod
    def missing(people: int, each: int, joints: int) -> Parts:
        """Return parts of which none was found."""
        return Parts(
            np.full((people, each, joints, 2), np.nan, np.float32),
            np.zeros((people, each, joints), np.float32),
            np.zeros((people, each), bool),
        )


# Least score of a joint of the body that leads to a part.
_LEAST_JOINT = 0.1


def seen_joints(people: People, skeleton: Skeleton, *names: str) -> np.ndarray:
    """Return float (P, K, 2), the joints of K names in source pixels, NaN where the score is too low to lead to a part."""
    columns = [skeleton.index(name) for name in names]
    return np.where(people.scores[:, columns, None] >= _LEAST_JOINT, people.keypoints[:, columns], np.nan)


class PartRefiner(Protocol):
    """Finds one kind of part of people.

    Attributes:
        name: name of the kind, such as ``hands``.
        joints: names of the V joints of each of the K parts.
        network: network and runtime, for people to read.
        weights_sha256: SHA-256 of each weights file, hexadecimal, by the file's name without its ending.
    """

    name: str
    joints: tuple[tuple[str, ...], ...]
    network: str
    weights_sha256: Mapping[str, str]

    def anchors(self, people: People, skeleton: Skeleton) -> np.ndarray:
        """Return float (P, K, 2), the joint of the body that each part moves with, source pixels, NaN where missing."""
        ...

    def refine(
        self, image: np.ndarray, people: People, skeleton: Skeleton, expected: np.ndarray, due: np.ndarray
    ) -> Parts:
        """Return the parts of people.

        Args:
            image: uint8 RGB (H, W, 3).
            people: P people in source pixels.
            skeleton: joint set of the people.
            expected: float (P, K, V, 2), where parts are expected, in source pixels; NaN for parts that are not.
            due: bool (P, K), parts to look for where they are not expected, or not found where they are.
        """
        ...
