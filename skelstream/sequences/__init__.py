"""Skeleton sequences: the tracked people of one video as arrays, filled, smoothed, cut into windows."""

from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.detections import Detections
from skelstream.sequences.normalise import centred_on_torso, relative_to_image, scaled_by_torso
from skelstream.sequences.one_euro import OneEuro
from skelstream.sequences.sequence import SkeletonSequence, Track
from skelstream.sequences.windows import Window, WindowBuffer

__all__ = [
    "Detections",
    "OneEuro",
    "SequenceBuilder",
    "SkeletonSequence",
    "Track",
    "Window",
    "WindowBuffer",
    "centred_on_torso",
    "relative_to_image",
    "scaled_by_torso",
]
