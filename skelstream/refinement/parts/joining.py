"""People with their parts: the joints of hands and faces behind those of the body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from skelstream.people import People
from skelstream.refinement.parts.part_refiner import PartRefiner, Parts
from skelstream.skeleton import OPENPOSE18, SKELETONS, Skeleton


def joined_skeleton(parts: Iterable[str]) -> Skeleton:
    """Return the joint set of OpenPose's 18 joints and the kinds of ``parts`` behind them, in their order: ``hands``, ``face``."""
    names = list(parts)
    return SKELETONS["+".join(["body", *names])] if names else OPENPOSE18


def joined_people(people: People, found: Sequence[Parts], shape: tuple[int, ...]) -> People:
    """Return P people with their parts; scores and boxes of the people stay those of the body.

    Args:
        people: the people, in the joints of the body.
        found: parts of each kind.
        shape: height and width of the image, outside of which a joint is missing: a network places joints there too, but
            nobody has seen them.
    """
    if not found:
        return people
    count = len(people)
    joints = [parts.scores.shape[1] * parts.scores.shape[2] for parts in found]
    keypoints, scores = (
        np.concatenate([one.reshape(count, size, *last) for one, size in zip(arrays, joints, strict=True)], 1)
        for arrays, last in (
            ([parts.keypoints for parts in found], (2,)),
            ([parts.scores for parts in found], ()),
        )
    )
    inside: np.ndarray = np.all((keypoints >= -0.5) & (keypoints < np.array(shape[1::-1]) - 0.5), axis=-1)
    keypoints, scores = np.where(inside[..., None], keypoints, np.nan), np.where(inside, scores, 0)
    return replace(
        people,
        keypoints=np.concatenate([people.keypoints, keypoints], 1, dtype=np.float32),
        scores=np.concatenate([people.scores, scores], 1, dtype=np.float32),
    )


def refine_parts(
    image: np.ndarray, people: People, skeleton: Skeleton, refiners: Sequence[PartRefiner]
) -> People:
    """Return the people of an image that stands alone with their parts.

    Args:
        image: uint8 RGB (H, W, 3).
        people: the people, in source pixels.
        skeleton: joint set of the people.
        refiners: refiners of each kind of part, in the order of their joints.
    """
    found = list[Parts]()
    for refiner in refiners:
        each, joints = len(refiner.joints), len(refiner.joints[0])
        nowhere = np.full((len(people), each, joints, 2), np.nan, np.float32)
        found.append(refiner.refine(image, people, skeleton, nowhere, np.ones((len(people), each), bool)))
    return joined_people(people, found, image.shape)
