"""Appearance: the colours of a person's parts, measured between joints, without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from skelstream.people import People
from skelstream.skeleton import Skeleton

# Pairs of joints between which the colours of a part are sampled; both sides of the body are pooled, because networks
# confuse them.
_PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "torso": (("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"), ("left_shoulder", "right_hip"), ("right_shoulder", "left_hip")),
    "thighs": (("left_hip", "left_knee"), ("right_hip", "right_knee")),
    "shins": (("left_knee", "left_ankle"), ("right_knee", "right_ankle")),
    "arms": (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")),
    "head": (("left_ear", "left_eye"), ("right_ear", "right_eye"), ("left_eye", "nose"), ("right_eye", "nose")),
}  # fmt: skip
PARTS = tuple(_PARTS)
"""Names of the parts, in the order of ``People.colours``."""

# Both ends of a line need this score.
_MIN_SCORE = 0.25
# Places along a line, away from its ends, which are the least certain.
_SHARES = np.linspace(0.15, 0.85, 7, dtype=np.float32)
# Fewest samples inside the image that describe a part.
_MIN_SAMPLES = 5
_SHADES = np.arange(256) / 255
_LINEAR = np.where(_SHADES <= 0.04045, _SHADES / 12.92, ((_SHADES + 0.055) / 1.055) ** 2.4).astype(np.float32)
# Rows R, G, B; columns X, Y, Z in shares of the white point.
_TO_XYZ = np.array(
    [[0.412453, 0.212671, 0.019334], [0.357580, 0.715160, 0.119193], [0.180423, 0.072169, 0.950227]],
    np.float32,
) / np.array([0.950456, 1.0, 1.088754], np.float32)
# Brightness changes with the light, hue does not: differences of L count for half.
_WEIGHTS = np.array([0.5, 1.0, 1.0])
# Standard deviation of a part's colour that cameras and joints cause even where a person stands still, in Lab.
_NOISE = 5.0
# A part counts for at most this difference: one part may be hidden by a bag or a stranger.
_MOST = 4.0
# Variance that a description of one frame has more than one of many frames.
_FEW = 50.0
# Frames over which a running description fades.
_MEMORY = 25
# Fewest frames that describe a part, and fewest parts that two descriptions need in common.
_MIN_FRAMES = 2
_MIN_PARTS = 2

_NOT_SEEN = -128
# Middle of the range of L, a and b.
_MIDDLE = np.array([50.0, 0.0, 0.0])


class PartColours:
    """Measures the colours of people's parts in an image.

    Args:
        skeleton: joint set of the people; parts whose joints it lacks are never described.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        lines = list(_lines(skeleton))
        self._starts, self._ends = (np.array([line[i] for line in lines], int) for i in (0, 1))
        parts = np.repeat([line[2] for line in lines], len(_SHARES)).astype(int)
        self._samples = [np.flatnonzero(parts == part) for part in range(len(PARTS))]

    def measure(self, image: np.ndarray, people: People) -> np.ndarray:
        """Return the median colour of each person's parts in CIE Lab, float32 (P, 5, 3); NaN where a part is not in view.

        Args:
            image: uint8 (H, W, 3), RGB.
            people: the image's people. Where one hides another, whose feet are higher in the image, the one behind is not
                measured.
        """
        colours = np.full((len(people), len(PARTS), 3), np.nan, np.float32)
        if not len(people) or not len(self._starts):
            return colours
        seen = people.scores >= _MIN_SCORE
        start, end = people.keypoints[:, self._starts], people.keypoints[:, self._ends]
        places = start[:, :, None] + (end - start)[:, :, None] * _SHARES[:, None]
        usable = np.repeat(seen[:, self._starts] & seen[:, self._ends], len(_SHARES), axis=1)
        places = np.where(usable[..., None], places.reshape(len(people), -1, 2), -1)
        column, row = np.rint(places).astype(np.int64).transpose(2, 0, 1)
        height, width = image.shape[:2]
        usable &= (
            (column >= 0) & (column < width) & (row >= 0) & (row < height) & ~_hidden(places, people.boxes)
        )
        pixels = image[np.where(usable, row, 0), np.where(usable, column, 0)]
        lab = _lab(pixels)
        lab[~usable] = np.inf  # sorts behind the samples that count
        for part, samples in enumerate(self._samples):
            count = usable[:, samples].sum(1)
            enough = np.flatnonzero(count >= _MIN_SAMPLES)
            ordered = np.sort(lab[np.ix_(enough, samples)], axis=1)
            colours[enough, part] = ordered[np.arange(len(enough)), count[enough] // 2]
        return colours


class Description(NamedTuple):
    """Colours of a person over some frames.

    Attributes:
        mean: float (5, 3), mean colour of each part in CIE Lab; NaN where it was seen too rarely.
        scatter: float (5,), variance of each part's colour, weighted as differences are, and larger after few frames.
    """

    mean: np.ndarray
    scatter: np.ndarray


class RunningColours:
    """The description of a person who is followed; of all frames about the last 25 count."""

    def __init__(self) -> None:
        self._seen = np.zeros(len(PARTS), int)
        self._mean = np.zeros((len(PARTS), 3))
        self._scatter = np.zeros(len(PARTS))

    def add(self, colours: np.ndarray) -> None:
        """Add the colours (5, 3) of one frame; parts that are not in view keep theirs."""
        known = np.isfinite(colours[:, 0])
        self._seen += known
        share = known / np.clip(self._seen, 1, _MEMORY)
        change = np.where(known[:, None], colours - self._mean, 0)
        self._mean += share[:, None] * change
        self._scatter += share * (((change * _WEIGHTS) ** 2).sum(1) * (1 - share) - self._scatter)

    @property
    def description(self) -> Description:
        """Description so far."""
        mean = np.where((self._seen >= _MIN_FRAMES)[:, None], self._mean, np.nan)
        return Description(mean, self._scatter + _FEW / np.maximum(self._seen, 1))


def describe(colours: np.ndarray) -> Description:
    """Return the description of one person in F frames.

    Args:
        colours: float (F, 5, 3), as ``PartColours.measure`` returns them.
    """
    known = np.isfinite(colours)
    seen = known.sum(0)
    count = np.maximum(seen, 1)
    mean = np.where(known, colours, 0).sum(0, dtype=np.float64) / count
    apart = np.where(known, colours - mean, 0) * _WEIGHTS
    scatter = (apart**2).sum(0, dtype=np.float64).sum(-1) / count[:, 0]
    mean = np.where(seen < _MIN_FRAMES, np.nan, mean)
    return Description(mean, scatter + _FEW / count[:, 0])


def difference(first: Description, second: Description) -> np.ndarray:
    """Return how different descriptions are, float (…,): about 0.5 for one person, 1.6 for two; NaN where too little is known.

    It is the mean, over the parts that both know, of the distance of their colours in units of their scatter.

    Args:
        first, second: descriptions whose arrays may have more dimensions in front.
    """
    distance = np.sqrt((((first.mean - second.mean) * _WEIGHTS) ** 2).sum(-1))
    parts = distance / np.sqrt(_NOISE**2 + (first.scatter + second.scatter) / 2)
    known = np.isfinite(parts)
    total = np.where(known, np.minimum(parts, _MOST), 0).sum(-1)
    count = known.sum(-1)
    return np.where(count >= _MIN_PARTS, total / np.maximum(count, 1), np.nan)


def differences(tracks: Sequence[RunningColours], colours: np.ndarray) -> np.ndarray:
    """Return how different each of T tracks and each person of a frame are, float (T, P), as ``difference`` does.

    Args:
        tracks: running descriptions.
        colours: float32 (P, 5, 3), as ``PartColours.measure`` returns them.
    """
    known = [track.description for track in tracks]
    mean = np.array([one.mean for one in known]).reshape(-1, 1, len(PARTS), 3)
    scatter = np.array([one.scatter for one in known]).reshape(-1, 1, len(PARTS))
    frame = Description(colours[None].astype(np.float64), np.zeros((1, len(colours), len(PARTS))))
    return difference(Description(mean, scatter), frame)


def packed(colours: np.ndarray | None, people: int) -> np.ndarray:
    """Return colours as int8 (P, 5, 3), to keep one byte per value; None stands for people that were not measured."""
    if colours is None:
        return np.full((people, len(PARTS), 3), _NOT_SEEN, np.int8)
    shifted = np.clip(np.rint(colours - _MIDDLE), -127, 127)
    return np.where(np.isfinite(colours), shifted, _NOT_SEEN).astype(np.int8)


def unpacked(colours: np.ndarray) -> np.ndarray:
    """Return packed colours as float32 with NaN where a part was not in view."""
    return np.where(colours == _NOT_SEEN, np.nan, colours + _MIDDLE).astype(np.float32)


def _lab(pixels: np.ndarray) -> np.ndarray:
    """Return sRGB pixels, uint8 (…, 3), in CIE Lab with white point D65, float32."""
    xyz = _LINEAR[pixels] @ _TO_XYZ
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def _lines(skeleton: Skeleton) -> Iterator[tuple[int, int, int]]:
    """Yield both joints and the part of each line that the joint set has."""
    for part, lines in enumerate(_PARTS.values()):
        for ends in lines:
            if all(end in skeleton.joints for end in ends):
                yield skeleton.index(ends[0]), skeleton.index(ends[1]), part


def _hidden(places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return whether each person's places (P, S, 2) lie in the box of a person whose feet are lower in the image."""
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    hidden = np.zeros(places.shape[:2], bool)
    for person, other in np.argwhere(nearer & _touching(boxes)):
        inside = (places[person] >= boxes[other, :2]) & (places[person] <= boxes[other, 2:])
        hidden[person] |= inside.all(axis=1)
    return hidden


def _touching(boxes: np.ndarray) -> np.ndarray:
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    return np.all(low < high, axis=2)
