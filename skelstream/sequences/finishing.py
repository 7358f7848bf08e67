"""What users may want done to a sequence before it is written, in one fixed order."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.sequences.sequence import SkeletonSequence


@dataclass(frozen=True)
class Finish:
    """Conversion, filling and smoothing, each only if asked for.

    Attributes:
        skeleton: name of the joint set to convert to.
        fill: longest gap to fill, seconds.
        smooth: whether to smooth every track.
    """

    skeleton: str | None = None
    fill: float | None = None
    smooth: bool = False

    def __call__(self, sequence: SkeletonSequence) -> SkeletonSequence:
        """The finished sequence; values as measured stay in it as ``raw``.

        Raises:
            FormatError: no joint set has that name.
        """
        if self.skeleton is not None:
            sequence = sequence.as_skeleton(self.skeleton)
        if self.fill is not None:
            sequence = sequence.filled(self.fill)
        return sequence.smoothed() if self.smooth else sequence
