"""The output of an extraction: checked before the work, written whole, and kept in part if the work breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skelstream.errors import FormatError, SkelstreamError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.files.inputs import check_not_inputs
from skelstream.formats import WriteOptions, check_free, choose, load, save
from skelstream.people import People
from skelstream.processing.postprocessing import postprocess
from skelstream.refinement.parts.joining import joined_skeleton
from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.settings.postprocessing import PostprocessingSettings
from skelstream.skeleton import OPENPOSE18, Skeleton
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video.image_folder import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Output:
    """The file that an extraction writes.

    Attributes:
        path: the file, or the folder for formats that write one.
        format: name of the format; None for the format of the path's ending.
        overwrite: whether an existing file may be replaced.
    """

    path: Path
    format: str | None = None
    overwrite: bool = False

    def check(self, source: str | Path | int, settings: ExtractionSettings) -> None:
        """Check before the work on a source with these settings that its result can be written.

        Raises:
            OutputError: the file exists already, is the source, or cannot be written.
            FormatError: the format is unknown, or cannot hold one video's people.
            MissingExtraError: the format needs a library that is not installed.
        """
        check_free(choose(self.path, self.format), self.path, self.overwrite)
        check_format(
            self.path, self.format, settings.postprocessing, joined_skeleton(settings.estimator.parts.kinds)
        )
        check_not_inputs([self.path], [source], IMAGE_SUFFIXES)

    def write(self, sequence: SkeletonSequence, skeleton: str | None = None) -> list[str]:
        """Write the result, remove the partial results of earlier runs, and return lines about what the format leaves out.

        Args:
            sequence: the whole result.
            skeleton: joint set that the user asked for; None for the format's own.
        """
        notes: list[str] = []
        options = WriteOptions(skeleton=skeleton, note=notes.append)
        save(sequence, self.path, self.format, self.overwrite, options=options)
        for path in self._partial_paths():
            if not path.exists():
                break
            if _frames_in(path, sequence):
                path.unlink(missing_ok=True)
        return notes

    def keep_partial(self, sequence: SkeletonSequence, error: BaseException) -> None:
        """Write the frames so far to ``NAME.partial.npz`` beside the output, unless it holds more; ``error`` gets a note.

        A file of that name that is not a partial result of the same source stays: then the name gets a number.
        """
        if not sequence.frames:
            error.add_note("no frame was done yet")
            return
        warning = f"the work was interrupted: these are the first {sequence.frames} frames"
        meta = {**sequence.meta, "partial": True, "warnings": [*sequence.meta["warnings"], warning]}
        with suppress(OSError, SkelstreamError):  # the first error is the one to report
            partial = next(
                path for path in self._partial_paths() if not path.exists() or _frames_in(path, sequence)
            )
            before = _frames_in(partial, sequence)
            if before > sequence.frames:
                error.add_note(f"{partial} has the {before} frames of a longer earlier run, and stays")
                return
            save(replace(sequence, meta=meta), partial, overwrite=True)
            error.add_note(f"the {sequence.frames} frames so far are in {partial}")

    def _partial_paths(self) -> Iterator[Path]:
        for number in count(1):
            yield self.path.with_name(f"{self.path.stem}.partial{'' if number == 1 else number}.npz")


def check_format(
    output: Path,
    format: str | None,
    postprocessing: PostprocessingSettings,
    skeleton: Skeleton = OPENPOSE18,
) -> None:
    """Check that a format can hold the result, by writing two frames of one person to a temporary file.

    Args:
        output: the file.
        format: name of the format; None for the format of the path's ending.
        postprocessing: steps that change the people before they are written.
        skeleton: joint set of the people.

    Raises:
        FormatError: the format is unknown or cannot hold one video's people, or the postprocessing is impossible.
        MissingExtraError: the format needs a library that is not installed.
    """
    chosen = choose(output, format)
    if postprocessing.lift and not chosen.holds_3d:
        raise FormatError(f"{output}: format {chosen.name} holds no 3D; write .npz, and convert that")
    with TemporaryDirectory() as folder:
        try:
            save(
                postprocess(_test_sequence(output.name, skeleton), postprocessing),
                Path(folder) / output.name,
                format,
            )
        except SkelstreamError as error:
            raise type(error)(str(error).replace(f"{folder}/", ""), setting=error.setting) from None


def _frames_in(path: Path, result: SkeletonSequence) -> int:
    """Return the number of frames of a partial result of the same source; 0 for any other file."""
    try:
        partial = load(path)
    except SkelstreamError:
        return 0
    same = partial.meta.get("partial") is True and partial.meta.get("source") == result.meta["source"]
    return partial.frames if same else 0


def _test_sequence(source: str, skeleton: Skeleton) -> SkeletonSequence:
    builder = SequenceBuilder(skeleton, source=source, height=64, width=64)
    pose = np.arange(2 * len(skeleton), dtype=np.float32).reshape(1, -1, 2)
    score = np.full((1, len(skeleton)), 0.5, np.float32)
    people = People(pose, score, score[:, 0], np.array([[0, 0, 63, 63]], np.float32))
    for index in range(2):
        builder.add(TrackedPeople(index, index / 10, people, np.ones(1, np.int32), np.ones(1, np.bool_)))
    return builder.finish()
