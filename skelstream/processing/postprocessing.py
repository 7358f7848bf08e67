"""All postprocessing of a sequence, in one fixed order."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from skelstream.processing.filling import filled
from skelstream.processing.ordering import main_person_first
from skelstream.processing.resampling import resampled
from skelstream.processing.smoothing import smoothed
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.settings.postprocessing import PostprocessingSettings


def postprocess(sequence: SkeletonSequence, settings: PostprocessingSettings) -> SkeletonSequence:
    """Return the postprocessed sequence; ``raw`` keeps the measured values, and ``meta`` records every step.

    Raises:
        FormatError: a name in the settings is unknown, or the frame rate is impossible.
    """
    lifted = sequence.lifted is not None
    if settings.skeleton is not None:
        sequence = _converted(sequence, settings.skeleton)
    if settings.fill is not None:
        sequence = filled(sequence, settings.fill)
    if settings.smooth:
        sequence = smoothed(sequence)
    if settings.fps is not None:
        sequence = resampled(sequence, settings.fps)
    if settings.person is not None:
        sequence = main_person_first(sequence, settings.person)
    if not settings.lift:
        return _without_3d(sequence) if lifted and sequence.lifted is None else sequence
    from skelstream.processing.lifting.lift import lift  # needs torch, unlike all other steps
    from skelstream.processing.lifting.lifter import Lifter

    return lift(sequence, Lifter(settings.lifter))


def _converted(sequence: SkeletonSequence, name: str) -> SkeletonSequence:
    """Return a sequence in another joint set, with warnings about hands and faces that only one of both sets has."""
    before, source = sequence.skeleton.parts, sequence.meta.get("source")
    sequence = sequence.as_skeleton(name)
    after, lines = sequence.skeleton.parts, list[str]()
    if missing := _words(after.keys() - before.keys()):
        lines.append(
            f"{source}: the joints of {missing} in {name} are missing, because nobody looked for them"
        )
    if lost := _words(before.keys() - after.keys()):
        lines.append(f"{source}: {lost} are left out, because {name} has no joints of them")
    return _with_warnings(sequence, lines)


def _without_3d(sequence: SkeletonSequence) -> SkeletonSequence:
    """Return a sequence whose 3D joints a step has left out, with a warning."""
    line = "filled, smoothed and resampled poses have no 3D joints; skelstream lift makes new ones"
    return _with_warnings(sequence, [f"{sequence.meta.get('source')}: {line}"])


def _with_warnings(sequence: SkeletonSequence, lines: list[str]) -> SkeletonSequence:
    if not lines:
        return sequence
    warnings = [*(sequence.meta.get("warnings") or []), *lines]
    return replace(sequence, meta={**sequence.meta, "warnings": warnings})


def _words(parts: Set[str]) -> str:
    """Return the names of parts for a message."""
    return " and ".join(sorted({"faces" if part == "face" else "hands" for part in parts}))
