"""The clips of a batch that are done, as samples of a training set: labels and splits are the manifest's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record, Records
from skelstream.batch.results import Results, done_with, settings_hash, verified
from skelstream.errors import FormatError
from skelstream.formats.format import Sample
from skelstream.formats.labels import Labels, numbered, remarks
from skelstream.sequences import SkeletonSequence


def labels_of_batch(results: Results) -> Labels:
    """The classes of all clips of the manifest, whether they are done or not, so that their numbers stay.

    Raises:
        FormatError: the folder holds no batch, or a number is no class number.
    """
    clips = results.clips()
    keys = [tuple(clip.id.split("/")) for clip in clips]
    return numbered(
        keys, [c.label for c in clips], [c.split for c in clips], f"the manifest of {results.folder}"
    )


def samples_of_batch(
    results: Results, labels: Labels, read: Callable[[Path], SkeletonSequence], note: Callable[[str], None]
) -> tuple[int, Iterator[Sample]]:
    """How many clips are done, and a sample of each, read and verified only when its turn comes.

    Args:
        results: of the batch.
        labels: of its clips.
        read: reads a result.
        note: told in a line each: what is left out, the classes' numbers, clips without a label.

    Raises:
        FormatError: no clip is done; or, from the samples, a result is not what was recorded.
    """
    clips, settings = results.clips(), settings_hash(results.settings())
    records = Records(results.records)
    done = [(clip, record) for clip in clips if (record := done_with(records[clip.id], settings, clip))]
    if not done:
        raise FormatError(
            f"{results.folder}: no clip is done yet; see skelstream batch status {results.folder}"
        )
    if len(done) < len(clips):
        note(f"{len(clips) - len(done)} of {len(clips)} clips are not done, and left out")
    for line in remarks(labels, [tuple(clip.id.split("/")) for clip, _ in done]):
        note(line)
    return len(done), _samples(done, results, labels, read)


def _samples(
    done: list[tuple[Clip, Record]],
    results: Results,
    labels: Labels,
    read: Callable[[Path], SkeletonSequence],
) -> Iterator[Sample]:
    for clip, record in done:
        path = results.path(clip)
        if not verified(path, record):
            raise FormatError(f"{path}: is missing, or not what was recorded; run the batch again")
        label = labels.of[tuple(clip.id.split("/"))]
        yield Sample(read(path), clip.id, label.index, label.name, label.split)
