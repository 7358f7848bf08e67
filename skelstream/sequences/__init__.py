"""Skeleton sequences: the tracked people of one video as arrays, filled, smoothed, cut into windows."""

from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.sequence import SkeletonSequence, Track
from skelstream.sequences.windows import Window, WindowBuffer

__all__ = ["SequenceBuilder", "SkeletonSequence", "Track", "Window", "WindowBuffer"]
