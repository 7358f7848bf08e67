"""The runner of batches: from a manifest to results, with a record of every clip."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from skelstream.batch.engines.registry import find_engine
from skelstream.batch.events import Event, Message
from skelstream.batch.job import Job
from skelstream.batch.manifest import read_manifest
from skelstream.batch.options import BatchOptions, layout_of
from skelstream.batch.plan import partition
from skelstream.batch.records import Recorder, forgiven
from skelstream.batch.results import Results, settings_hash
from skelstream.batch.shards.packing import Packed, Packer
from skelstream.batch.status import status_of
from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings


def run(
    manifest: str | Path,
    output: str | Path,
    settings: ExtractionSettings = ExtractionSettings(),
    options: BatchOptions = BatchOptions(),
) -> Generator[Event, None, None]:
    """Extract all clips of a manifest, and yield the events of the work as it goes. ::

        for event in skelstream.batch.run("clips.csv", "skeletons/"):
            print(event)

    Each clip is extracted once, and its result appears whole or not at all. A run after Ctrl-C, a crash or a power cut
    continues: results are verified and kept. A clip that fails, or ends its worker three times, is recorded and left.

    Args:
        manifest: a CSV or Parquet table of clips, or a folder of class folders with videos.
        output: folder of the results, or a URL that fsspec writes to.
        settings: everything that determines a clip's result; the manifest gives each clip's start and end.
        options: engine, workers, shards.

    Raises:
        FormatError: the manifest is missing, damaged or empty.
        OutputError: the output cannot be written, or holds results of other settings.
        SettingsError: an option is not allowed.
        MissingExtraError: a library that the output, the shards or the engine need is not installed.
    """
    layout, engine, clips = options.layout, find_engine(options.engine), read_manifest(Path(manifest))
    part = partition(clips, options.partition)
    job = Job.of(Results(output), settings)
    job.results.prepare(clips, job.settings_json, options.redo, layout)
    yield from engine.start(job, part, options)


def retry(output: str | Path, options: BatchOptions = BatchOptions()) -> Generator[Event, None, None]:
    """Extract the clips of a batch again that failed, with the settings of the batch, and yield the events of the work.

    Args:
        output: folder or URL of the results.
        options: engine and workers; ``slurm`` cannot retry.

    Raises:
        FormatError: there is no batch.
        SettingsError: the engine cannot retry, or the batch's settings cannot be read.
    """
    if options.engine == "slurm":
        raise SettingsError("clips that failed are extracted here, or with ray", setting="engine")
    results, engine = Results(output), find_engine(options.engine)
    clips = [clip for clip, _ in status_of(results).failed]
    if not clips:
        yield Message("no clip has failed")
        return
    job = Job.of(results, ExtractionSettings.from_json(results.settings()["settings"]))
    results.prepare(results.clips(), job.settings_json, redo=False)
    recorder = Recorder(results.store)
    for clip in clips:
        recorder.add(forgiven(clip.id))
    recorder.close()
    yield from engine.start(job, clips, options)


def pack(
    output: str | Path,
    shards: str | None = None,
    clips_per_shard: int | None = None,
    *,
    loose: bool = False,
) -> Packed:
    """Pack the results of a batch into shards, or into others, without extracting anything.

    Args:
        output: folder or URL of the results.
        shards: format of the shards; None for the batch's present one.
        clips_per_shard: number of clips in a shard; None for 1000.
        loose: whether to unpack the shards to a file for each clip.

    Raises:
        FormatError: there is no batch.
        SettingsError: the batch has no shards and no format is given, or a format is given with ``loose``.
    """
    if loose and shards is not None:
        raise SettingsError("give a shard format or loose, not both", setting="loose")
    layout, results = layout_of(shards, clips_per_shard), Results(output)
    settings = settings_hash(results.settings()) if results.clips() else ""
    if loose or layout is not None:
        results.lay_out(layout)
    elif results.layout() is None:
        raise SettingsError("the batch has no shards yet: choose webdataset or parquet", setting="shards")
    with closing(Packer(results, settings)) as packer:
        return packer.finish()
