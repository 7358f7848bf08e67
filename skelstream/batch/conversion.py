"""The runner of conversions: skeletons of one or many clips to another format, or to a training set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skelstream.batch.dataset import Batch
from skelstream.batch.results import Results
from skelstream.errors import OutputError, SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import (
    Labels,
    Sample,
    WriteOptions,
    labelled,
    labels_of_folders,
    read,
    read_labels,
    save,
    save_dataset,
)
from skelstream.processing import postprocess, tracked
from skelstream.sequences import Detections, SkeletonSequence


def _ignore(_: str) -> None:
    pass


@dataclass(frozen=True)
class ConversionOptions:
    """How skeletons are read and written.

    Attributes:
        format: name of the output format; None for the format of the output's ending.
        source_format: name of the input format; None to choose by ending and content.
        labels: CSV with name, label and optionally split, which makes a training set; None for no labels.
        class_folders: whether an input's folder is its label, and a folder train, val or test above it its split.
        persons: slots of formats with a slot per person; None for the format's own default.
        frames: frames of formats with a fixed length.
        size: width and height of the image in pixels, where the input does not say it.
        clip: name of the clip in a file that holds many.
        rate: frames per second of inputs without times; None for 30.
        overwrite: whether an existing output may be replaced.
        note: called with a line for each assumption and omission.
    """

    format: str | None = None
    source_format: str | None = None
    labels: Path | None = None
    class_folders: bool = False
    persons: int | None = None
    frames: int = 300
    size: tuple[int, int] | None = None
    clip: str | None = None
    rate: float | None = None
    overwrite: bool = False
    note: Callable[[str], None] = _ignore


def read_converted(
    path: Path,
    settings: ExtractionSettings = ExtractionSettings(),
    options: ConversionOptions = ConversionOptions(),
) -> SkeletonSequence:
    """Return the skeletons of a file after tracking, where it has no identities, and postprocessing.

    Raises:
        FormatError: the file is missing, damaged or foreign.
    """
    size, note = options.size, options.note
    found = read(
        path,
        options.source_format,
        options.rate,
        size=size and (size[1], size[0]),
        clip=options.clip,
        note=note,
    )
    if isinstance(found, Detections):
        found = tracked(found, settings.tracking)
        for warning in found.meta["warnings"]:
            note(warning)
    if found.meta.get("partial"):
        note(f"{path}: its extraction was interrupted; these are its first {found.frames} frames")
    if size is not None:
        found = replace(found, meta={**found.meta, "width": size[0], "height": size[1]})
    return postprocess(found, settings.postprocessing)


def convert(
    inputs: Sequence[str | Path],
    output: str | Path,
    settings: ExtractionSettings = ExtractionSettings(),
    options: ConversionOptions = ConversionOptions(),
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write skeletons in another format; several inputs, labels or a batch make a training set.

    Args:
        inputs: files or folders of skeletons, or one folder or URL of a batch's results.
        output: file or folder to write.
        settings: tracking of inputs without identities, and postprocessing.
        options: how to read and write.
        report: called with the number of inputs read so far and of all.

    Raises:
        FormatError: an input cannot be read, or the format cannot hold it.
        OutputError: the output exists or cannot be written.
        SettingsError: inputs or options exclude each other.
    """
    for name in inputs:
        check_not_input(Path(output), name)
    elsewhere = [str(name) for name in inputs if "://" in str(name)]
    if elsewhere and len(inputs) > 1:
        raise SettingsError(f"{elsewhere[0]}: a batch elsewhere is converted alone, without other inputs")
    if options.labels is not None and options.class_folders:
        raise SettingsError("labels come from a table or from folders, not both", setting="class_folders")
    if elsewhere or (len(inputs) == 1 and Results(inputs[0]).is_there()):
        _convert_batch(inputs[0], output, settings, options, report)
        return
    paths = [Path(name) for name in inputs]
    labels = (
        labels_of_folders(paths) if options.class_folders else options.labels and read_labels(options.labels)
    )
    written = _write_options(settings, options, labels)
    if len(paths) == 1 and labels is None:
        sequence = read_converted(paths[0], settings, options)
        save(sequence, output, options.format, options.overwrite, options=written)
        return
    samples = labelled(paths, labels, lambda path: read_converted(path, settings, options), options.note)
    shown = _reported(samples, len(paths), report)
    save_dataset(shown, output, options.format, options.overwrite, options=written)


def check_not_input(output: Path, given: str | Path) -> None:
    """Check that an existing output is not an input, and neither holds one nor lies within one.

    Raises:
        OutputError: it would replace what it is made from.
    """
    source, target = Path(os.path.realpath(given)), Path(os.path.realpath(output))
    if not (source.exists() and target.exists()):
        return
    if source.samefile(target) or target in source.parents or source in target.parents:
        raise OutputError(
            f"{output}: would replace the input {given}, or a part of it; choose another output"
        )


def _convert_batch(
    place: str | Path,
    output: str | Path,
    settings: ExtractionSettings,
    options: ConversionOptions,
    report: Callable[[int, int], None],
) -> None:
    if options.labels is not None or options.class_folders:
        raise SettingsError("a batch has its labels in its manifest", setting="labels")
    batch = Batch(place)
    for line in batch.remarks():
        options.note(line)
    written = _write_options(settings, options, batch.labels)
    samples = batch.samples(lambda path: read_converted(path, settings, options))
    save_dataset(
        _reported(samples, len(batch), report), output, options.format, options.overwrite, options=written
    )


def _write_options(
    settings: ExtractionSettings, options: ConversionOptions, labels: Labels | None
) -> WriteOptions:
    return WriteOptions(
        persons=options.persons,
        frames=options.frames,
        classes=labels and labels.classes,
        class_names=labels and labels.names,
        skeleton=settings.postprocessing.skeleton,
        note=options.note,
    )


def _reported(samples: Iterator[Sample], total: int, report: Callable[[int, int], None]) -> Iterator[Sample]:
    for number, sample in enumerate(samples, 1):
        yield sample
        report(number, total)
