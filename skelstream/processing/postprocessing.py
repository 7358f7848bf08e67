"""What users may want done to a sequence before it is written, in one fixed order."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.processing.filling import filled
from skelstream.processing.ordering import acting_first
from skelstream.processing.resampling import resampled
from skelstream.processing.smoothing import smoothed
from skelstream.sequences.sequence import SkeletonSequence


@dataclass(frozen=True)
class Postprocessing:
    """Conversion, filling, smoothing, an even rate, the order of the people and 3D, each only if asked for.

    Attributes:
        skeleton: name of the joint set to convert to.
        fill: longest gap to fill, seconds.
        smooth: whether to smooth every track.
        fps: frames per second to resample to.
        person: who comes first, a name of `skelstream.processing.ordering.PERSONS`.
        lift: weights to lift to 3D with: a packaged model's name or a file.
    """

    skeleton: str | None = None
    fill: float | None = None
    smooth: bool = False
    fps: float | None = None
    person: str | None = None
    lift: str | None = None

    def __call__(self, sequence: SkeletonSequence) -> SkeletonSequence:
        """The finished sequence; values as measured stay in it as ``raw``.

        Raises:
            FormatError: no joint set or choice of a person has that name, or the rate is not above 0.
        """
        if self.skeleton is not None:
            sequence = sequence.as_skeleton(self.skeleton)
        if self.fill is not None:
            sequence = filled(sequence, self.fill)
        if self.smooth:
            sequence = smoothed(sequence)
        if self.fps is not None:
            sequence = resampled(sequence, self.fps)
        if self.person is not None:
            sequence = acting_first(sequence, self.person)
        if self.lift is None:
            return sequence
        from skelstream.processing.lifting.lift import lift  # needs torch, which nothing else here does
        from skelstream.processing.lifting.lifter import Lifter

        return lift(sequence, Lifter(self.lift))
