"""Where an extraction's result goes: tried before the work, and what becomes of the frames so far if that breaks off."""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skelstream.errors import FormatError, OutputError, SkelstreamError
from skelstream.formats import check_free, choose, load, save
from skelstream.people import People
from skelstream.processing.postprocessing import Postprocessing
from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video.image_folder import IMAGE_SUFFIXES


def check_output(output: Path, format: str | None, postprocessing: Postprocessing, overwrite: bool) -> None:
    """Find out before the work whether its result could be written.

    Raises:
        OutputError: the output exists already, or cannot be written where it is to be.
        FormatError: the format is unknown, or cannot hold one video's people.
        MissingExtraError: the format needs a library that is not installed.
    """
    check_free(choose(output, format), output, overwrite)
    rehearse(output, format, postprocessing)


def rehearse(output: Path, format: str | None, postprocessing: Postprocessing) -> None:
    """Find out whether a format of that name takes what is made of people: a person in two frames goes the whole way, elsewhere.

    Raises:
        FormatError: the format is unknown, or cannot hold one video's people, or the postprocessing cannot be done.
        MissingExtraError: the format needs a library that is not installed.
    """
    chosen = choose(output, format)
    if postprocessing.lift is not None and not chosen.space:
        raise FormatError(f"{output}: format {chosen.name} holds no 3D; write .npz, and convert that")
    with TemporaryDirectory() as folder:
        try:
            save(postprocessing(_rehearsal(output.name)), Path(folder) / output.name, format)
        except SkelstreamError as error:
            raise type(error)(str(error).replace(f"{folder}/", ""), setting=error.setting) from None


def check_apart(output: Path, source: str | Path | int) -> None:
    """Find out before the work that a result would not take the place of what it is made from.

    Raises:
        OutputError: the output is the source, or one of its images.
    """
    if isinstance(source, int) or not output.is_file():
        return
    read = [source] if os.path.exists(source) else glob.glob(str(source), recursive=True)
    inside = output.suffix.lower() in IMAGE_SUFFIXES
    for path in read:
        if output.samefile(path) or (inside and output.absolute().parent.samefile(path)):
            raise OutputError(f"{output} is what the result is to be made from; choose another name")


def keep_partial(sequence: SkeletonSequence, output: Path, error: BaseException) -> None:
    """Write what there is to ``NAME.partial.npz`` beside the output, unless a longer one is there; ``error`` gets a note.

    Somebody else's file of that name stays: then the name gets a number.
    """
    if not sequence.frames:
        return
    told = f"the work was broken off: these are the first {sequence.frames} frames"
    meta = {**sequence.meta, "partial": True, "warnings": [*sequence.meta["warnings"], told]}
    with suppress(OSError, SkelstreamError):  # the first error is the one to tell
        partial = next(path for path in _partial_names(output) if not path.exists() or _frames_in(path))
        before = _frames_in(partial)
        if before > sequence.frames:
            error.add_note(f"{partial} has the {before} frames of a longer run before, and stays")
            return
        save(replace(sequence, meta=meta), partial, overwrite=True)
        error.add_note(f"the {sequence.frames} frames so far are in {partial}")


def forget_partial(output: Path) -> None:
    """Remove what earlier runs kept, now that the whole is there."""
    for path in _partial_names(output):
        if not path.exists():
            return
        if _frames_in(path):
            path.unlink(missing_ok=True)


def _partial_names(output: Path):
    for number in count(1):
        yield output.with_name(f"{output.stem}.partial{'' if number == 1 else number}.npz")


def _frames_in(partial: Path) -> int:
    """The frames of a partial result; 0 for anything else."""
    try:
        sequence = load(partial)
    except SkelstreamError:
        return 0
    return sequence.frames if sequence.meta.get("partial") is True else 0


def _rehearsal(source: str) -> SkeletonSequence:
    builder = SequenceBuilder(OPENPOSE18, source=source, height=64, width=64)
    pose = np.arange(2 * len(OPENPOSE18), dtype=np.float32).reshape(1, -1, 2)
    score = np.full((1, len(OPENPOSE18)), 0.5, np.float32)
    people = People(pose, score, score[:, 0], np.array([[0, 0, 63, 63]], np.float32))
    for index in range(2):
        builder.add(TrackedPeople(index, index / 10, people, np.ones(1, np.int32), np.ones(1, np.bool_)))
    return builder.finish()
