"""The main functions of batches: run, retry and pack."""

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
from skelstream.batch.records import Recorder, Records, reset_record
from skelstream.batch.results import Results, settings_hash
from skelstream.batch.shards.packing import Packer, PackResult
from skelstream.batch.status import status_of
from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.files.arguments import instance_argument, path_argument


def run(
    manifest: str | Path,
    output: str | Path,
    settings: ExtractionSettings = ExtractionSettings(),
    options: BatchOptions = BatchOptions(),
) -> Generator[Event, None, None]:
    """Extract all clips of a manifest, and yield events as the work goes on. ::

        if __name__ == "__main__":
            for event in skelstream.batch.run("clips.csv", "skeletons/"):
                print(event)

    A script must start the batch under that condition, because worker processes import it. Each clip is extracted
    once, and its result appears whole or not at all. After Ctrl-C, a crash or a power cut, the same call
    continues: it verifies and keeps the results. A clip that fails, or whose workers die three times, is recorded
    as failed and skipped.

    Args:
        manifest: CSV or Parquet table of clips, or a folder with class folders of videos.
        output: folder of the results, or URL that fsspec writes to.
        settings: settings of the extraction; each clip's start and end are in the manifest.
        options: engine and storage.

    Raises:
        FormatError: the manifest does not exist, is damaged or empty.
        OutputError: the output cannot be written, or holds results of other settings.
        SettingsError: an option is invalid.
        MissingExtraError: a library for the output, the shards or the engine is not installed.
    """
    instance_argument(settings, ExtractionSettings, "settings")
    instance_argument(options, BatchOptions, "options")
    layout, engine = options.layout, find_engine(options.engine)
    clips = read_manifest(path_argument(manifest, "manifest"))
    clips_to_extract = partition(clips, options.partition)
    job = Job.of(Results(output), settings)
    job.results.prepare(clips, job.settings_json, options.redo, layout)
    yield from engine.start(job, clips_to_extract, options)


def retry(output: str | Path, options: BatchOptions = BatchOptions()) -> Generator[Event, None, None]:
    """Extract the failed clips of a batch again, with its settings, and yield events as the work goes on.

    Args:
        output: folder or URL of the results.
        options: engine and workers; ``slurm`` cannot retry.

    Raises:
        FormatError: there is no batch.
        SettingsError: the engine cannot retry, or the batch's settings cannot be read.
    """
    if options.engine == "slurm":
        raise SettingsError("slurm cannot extract failed clips again: use local or ray", setting="engine")
    results, engine = Results(output), find_engine(options.engine)
    clips = [clip for clip, _ in status_of(output).failed]
    if not clips:
        yield Message("no clip has failed")
        return
    job = Job.of(results, results.extraction_settings())
    results.prepare(results.clips(), job.settings_json, redo=False)
    records, recorder = Records(results.store), Recorder(results.store)
    for clip in clips:
        recorder.add(reset_record(clip.id, records[clip.id].latest))
    recorder.close()
    yield from engine.start(job, clips, options)


def pack(
    output: str | Path,
    shards: str | None = None,
    clips_per_shard: int | None = None,
    *,
    unpack: bool = False,
) -> PackResult:
    """Pack the results of a batch into shards, into other shards, or unpack them; nothing is extracted.

    Args:
        output: folder or URL of the results.
        shards: format of the shards; None for the batch's present one.
        clips_per_shard: number of clips in a shard; None for 1000.
        unpack: whether to unpack the shards into a file per clip.

    Raises:
        FormatError: there is no batch.
        SettingsError: the batch has no shards and no format is given, or a format is given with ``unpack``.
    """
    if unpack and shards is not None:
        raise SettingsError("give a shard format, or unpack the shards, not both", setting="unpack")
    layout, results = layout_of(shards, clips_per_shard), Results(output)
    settings = settings_hash(results.settings()) if results.clips() else ""
    if unpack or layout is not None:
        results.set_layout(layout)
    elif results.layout() is None:
        raise SettingsError("the batch has no shards yet; choose webdataset or parquet", setting="shards")
    with closing(Packer(results, settings)) as packer:
        return packer.finish()
