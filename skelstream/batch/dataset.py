"""The clips of a batch that are done, as samples of a training set: labels and splits are the manifest's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record, Records
from skelstream.batch.result_files import Holdings
from skelstream.batch.results import Results, done_with, name_of_result, settings_hash
from skelstream.errors import FormatError
from skelstream.formats.format import Sample
from skelstream.formats.labels import Label, numbered, remarks
from skelstream.formats.registry import load
from skelstream.sequences import SkeletonSequence


class Batch:
    """The clips of a batch that are done, in the manifest's order: ``len`` of them, to be gone through any number of times.

    A result is read when its turn comes, from its own file or from a shard, here or elsewhere, and its SHA-256 compared with what
    was recorded; no more than one is held, or, of shards in Parquet, a row group. ::

        for sample in skelstream.Batch("s3://bucket/skeletons"):
            sample.name, sample.label, sample.split, sample.sequence

    Args:
        place: the folder or the URL that ``skelstream batch run`` wrote to.

    Attributes:
        labels: of all clips of the manifest, whether they are done or not, so that classes keep their numbers.
        clips: number of clips of the manifest.

    Raises:
        FormatError: there is no batch, no clip of it is done, or a number is no class number; while it is gone through: a result
            is not what was recorded.
        MissingExtraError: a library for such a place, or for Parquet, is not installed.
    """

    def __init__(self, place: str | Path):
        self._results = results = Results(place)
        clips, settings, records = results.clips(), settings_hash(results.settings()), Records(results.store)
        keys = [_key(clip) for clip in clips]
        self.labels = numbered(
            keys, [c.label for c in clips], [c.split for c in clips], f"the manifest of {place}"
        )
        self.clips = len(clips)
        done = ((clip, done_with(records[clip.id], settings, clip)) for clip in clips)
        self._done: list[tuple[Clip, Record]] = [
            (clip, record) for clip, record in done if record is not None
        ]
        if not self._done:
            raise FormatError(f"{place}: no clip is done yet; see skelstream batch status {place}")

    def __len__(self) -> int:
        return len(self._done)

    def __iter__(self) -> Iterator[Sample]:
        return self.samples(load)

    def samples(self, read: Callable[[Path], SkeletonSequence]) -> Iterator[Sample]:
        """The clips.

        Args:
            read: makes a sequence of an npz, which is gone afterwards.

        Yields:
            Each clip with its id, its class and its split.
        """
        with Holdings(self._results) as holdings, TemporaryDirectory(prefix="skelstream-") as folder:
            path = Path(folder) / "clip.npz"
            for clip, record in self._done:
                content = holdings.read(record)
                if content is None:
                    where = self._results.store.path(name_of_result(clip.id))
                    raise FormatError(f"{where}: is missing, or not what was recorded; run the batch again")
                path.write_bytes(content)
                sequence = read(path)
                path.unlink()  # a file that is written anew instead is forced to the disk by some file systems
                label: Label = self.labels.of[_key(clip)]
                yield Sample(sequence, clip.id, label.index, label.name, label.split)

    def remarks(self) -> Iterator[str]:
        """Lines about it: what is left out, the classes' numbers, classes and clips without each other."""
        if len(self) < self.clips:
            yield f"{self.clips - len(self)} of {self.clips} clips are not done, and left out"
        yield from remarks(self.labels, [_key(clip) for clip, _ in self._done])


def _key(clip: Clip) -> tuple[str, ...]:
    return tuple(clip.id.split("/"))
