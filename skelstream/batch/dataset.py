"""The done clips of a batch as a training set, with the manifest's labels and splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record, Records
from skelstream.batch.result_files import ResultFiles
from skelstream.batch.results import Results, done_record, result_name, settings_hash
from skelstream.errors import FormatError
from skelstream.formats.format import Sample
from skelstream.formats.labels import Label, numbered, remarks
from skelstream.formats.registry import load
from skelstream.sequences import SkeletonSequence


class Batch:
    """The done clips of a batch, in the manifest's order; they can be counted, and iterated repeatedly.

    Each result is read as it is reached, from its own file or a shard, local or remote, and its SHA-256 is
    compared with the record. Only one result is in memory at a time; of Parquet shards, one row group. ::

        for sample in skelstream.Batch("s3://bucket/skeletons"):
            sample.name, sample.label, sample.split, sample.sequence

    Args:
        location: output folder or URL of ``skelstream batch run``.

    Attributes:
        labels: labels of all clips in the manifest, done or not, so that classes keep their numbers.
        clips: number of clips in the manifest.

    Raises:
        FormatError: there is no batch, no clip is done, or a label's number is invalid; during iteration: a
            result does not exist or is not the recorded one.
        MissingExtraError: a library for this kind of URL, or for Parquet, is not installed.
    """

    def __init__(self, location: str | Path):
        self._results = results = Results(location)
        clips, settings, records = results.clips(), settings_hash(results.settings()), Records(results.store)
        keys = [_key(clip) for clip in clips]
        self.labels = numbered(
            keys, [c.label for c in clips], [c.split for c in clips], f"the manifest of {location}"
        )
        self.clips = len(clips)
        done = ((clip, done_record(records[clip.id], settings, clip)) for clip in clips)
        self._done: list[tuple[Clip, Record]] = [
            (clip, record) for clip, record in done if record is not None
        ]
        if not self._done:
            raise FormatError(f"{location}: no clip is done yet; see skelstream batch status {location}")

    def __len__(self) -> int:
        return len(self._done)

    def __iter__(self) -> Iterator[Sample]:
        return self.samples(lambda path, _: load(path))

    def samples(self, read: Callable[[Path, str], SkeletonSequence]) -> Iterator[Sample]:
        """Yield a sample for each clip, with its id, class and split.

        Args:
            read: function from the path of a temporary npz and the clip's id to the clip's sequence.
        """
        with ResultFiles(self._results) as files, TemporaryDirectory(prefix="skelstream-") as folder:
            path = Path(folder) / "clip.npz"
            for clip, record in self._done:
                content = files.read(record)
                if content is None:
                    where = self._results.store.path(result_name(clip.id))
                    raise FormatError(f"{where}: does not exist or has changed; run the batch again")
                path.write_bytes(content)
                sequence = read(path, clip.id)
                path.unlink()  # some file systems sync a file that is overwritten instead, which is slow
                label: Label = self.labels.of[_key(clip)]
                yield Sample(sequence, clip.id, label.index, label.name, label.split)

    def own_files(self) -> Iterator[Path]:
        """Yield the path of each clip's own file; a clip in a shard or at a URL has none there."""
        return (Path(self._results.location) / result_name(clip.id) for clip, _ in self._done)

    def remarks(self) -> Iterator[str]:
        """Yield remarks: clips that are left out, numbers of classes, and classes without clips."""
        if len(self) < self.clips:
            yield f"{self.clips - len(self)} of {self.clips} clips are not done and are left out"
        yield from remarks(self.labels, [_key(clip) for clip, _ in self._done])


def _key(clip: Clip) -> tuple[str, ...]:
    return tuple(clip.id.split("/"))
