"""Skeleton sequences: the tracked people of one video as arrays, whole or cut into windows."""

from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.detections import Detections
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.sequences.track import Track
from skelstream.sequences.window import Window
from skelstream.sequences.window_buffer import WindowBuffer

__all__ = ["Detections", "SequenceBuilder", "SkeletonSequence", "Track", "Window", "WindowBuffer"]
