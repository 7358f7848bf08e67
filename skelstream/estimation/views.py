"""Turned views of an image: a person who lies or stands on the head is upright in one of them.

The networks know upright people. Each view is detected on its own, and the candidates of all views are merged in
source pixels; refinement then turns each crop with its person.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skelstream.geometry.orientation import angles_between, orientation
from skelstream.grouping.assembly import distinct
from skelstream.people import People
from skelstream.skeleton import Skeleton

UPRIGHT = 0
TURNS = (UPRIGHT, 90, 180, 270)
"""Degrees by which the image is turned counter-clockwise for each view."""

# Largest angle in degrees of a candidate to its view's upright, and least agreement of its joints on that.
_ASLANT, _AGREED = 45.0, 0.3
# Similarity (OKS) from which candidates of several views are one.
_SAME = 0.5


def turns_of(orientations: int | str, photo: bool) -> tuple[int, ...]:
    """Return the turns of the views in which each image is detected.

    Args:
        orientations: 1, 4 or ``auto``, as in ``DetectionSettings``.
        photo: whether the image stands alone; in videos ``auto`` turns only some frames, see ``pipeline.schedule``.
    """
    return TURNS if orientations == 4 or (photo and orientations == "auto") else (UPRIGHT,)


def merged(views: Mapping[int, People], skeleton: Skeleton, least_score: float = 0.0) -> People:
    """Return the candidates of an image's views as those of one image, best first.

    The view with the most evidence, the sum of squared person scores, keeps its candidates. Of the others only those count who
    stand upright in their view, and the score of each is multiplied by its view's share of that evidence: an image turned as a
    whole gives the same people as the upright one.

    Args:
        views: people in source pixels by the turn of their view.
        skeleton: joint set of the people.
        least_score: least person score of a candidate, in [0, 1].
    """
    if len(views) == 1:
        return next(iter(views.values()))
    upright = {turn: _upright(people, turn, skeleton) for turn, people in views.items()}
    evidence = {turn: float((people.person_scores**2).sum()) for turn, people in upright.items()}
    best = max(views, key=lambda turn: evidence[turn])
    parts = [views[best]]
    for turn, people in upright.items():
        if turn != best:
            scaled = people.scaled(evidence[turn] / max(evidence[best], 1e-9))
            parts.append(scaled.take(scaled.person_scores >= least_score))
    people = People.joined(*parts)
    people = people.take(np.argsort(-people.person_scores, kind="stable"))
    return people.take(distinct(people, skeleton, _SAME))


def _upright(people: People, turn: int, skeleton: Skeleton) -> People:
    """Return the people who stand upright in a view."""
    turns, agreement = orientation(people.keypoints, skeleton)
    return people.take((angles_between(turns, turn) <= _ASLANT) & (agreement >= _AGREED))
