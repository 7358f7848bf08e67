"""The people of one frame, as detection returns them and tracking takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class People:
    """P people of one frame, highest score first.

    Attributes:
        keypoints: float32 (P, V, 2), joint positions in source pixels, NaN where missing.
        scores: float32 (P, V) in [0, 1], joint scores, 0 where missing.
        person_scores: float32 (P,) in [0, 1], mean over all joints: certainty times completeness.
        boxes: float32 (P, 4), x0, y0, x1, y1 in source pixels.
        colours: float32 (P, 5, 3), CIE Lab colours of each person's parts (``tracking.appearance``), NaN where not in view;
            None where they were not measured.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    person_scores: np.ndarray
    boxes: np.ndarray
    colours: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.person_scores)

    @property
    def certainty(self) -> np.ndarray:
        """float32 (P,) in [0, 1], mean joint score weighted by the scores themselves.

        Hidden joints and joints out of view therefore count for nothing. People without joints have their
        person score.
        """
        total = self.scores.sum(1)
        weighted = (self.scores**2).sum(1) / np.maximum(total, 1e-6)
        return np.where(total > 0, weighted, self.person_scores).astype(np.float32)

    def take(self, rows: np.ndarray | list[int]) -> People:
        """Return the people at ``rows`` (indices or a boolean mask)."""
        colours = None if self.colours is None else self.colours[rows]
        return People(
            self.keypoints[rows], self.scores[rows], self.person_scores[rows], self.boxes[rows], colours
        )

    def scaled(self, factor: float) -> People:
        """Return the people with their person scores multiplied by a factor."""
        return replace(self, person_scores=(self.person_scores * factor).astype(np.float32))

    @staticmethod
    def joined(*parts: People) -> People:
        """Return the people of all parts, in order, without colours."""
        columns = (
            [getattr(part, name) for part in parts]
            for name in ("keypoints", "scores", "person_scores", "boxes")
        )
        return People(*(np.concatenate(column) for column in columns))

    @staticmethod
    def none(joints: int) -> People:
        """Return the People of a frame without anybody."""
        return People(
            np.empty((0, joints, 2), np.float32),
            np.empty((0, joints), np.float32),
            np.empty(0, np.float32),
            np.empty((0, 4), np.float32),
        )
