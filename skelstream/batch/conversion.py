"""Conversion of skeletons of one or many clips to another format or a training set."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from skelstream.batch.dataset import Batch
from skelstream.batch.results import Results
from skelstream.errors import FormatError, SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.files.inputs import check_not_inputs
from skelstream.files.text import no_note
from skelstream.formats import (
    Labels,
    Sample,
    WriteOptions,
    choose,
    labelled,
    labels_of_folders,
    read,
    read_labels,
    save,
    save_dataset,
)
from skelstream.formats.registry import choose_for_many
from skelstream.processing import exchanges, postprocess, with_identities
from skelstream.sequences import Detections, SkeletonSequence

# From this number of exchanges on, ids count as slots; fewer may be chance, when people step into each other's place.
_MANY_EXCHANGES = 3


@dataclass(frozen=True)
class ConversionOptions:
    """Options for reading and writing skeletons.

    Attributes:
        format: name of the output format; None to choose by the output's ending.
        source_format: name of the input format; None to choose by ending and content.
        labels: CSV with name, label and optionally split, for a training set; None for no labels.
        class_folders: whether an input's folder is its label; a folder train, val or test above that is its
            split.
        persons: number of people in formats with a fixed number; None for the format's default.
        frames: number of frames in formats with a fixed length.
        size: width and height of the image in pixels, for inputs without it.
        clip: name of the clip to read from a file with many; None for the only one.
        rate: frames per second of inputs without times; None for 30.
        overwrite: whether an existing output may be replaced.
        given: flat names of the settings that the user gave, also those with the default's value.
        note: called with one line for each assumption and omission.
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
    given: frozenset[str] = frozenset()
    note: Callable[[str], None] = no_note


def read_skeletons(
    path: Path,
    settings: ExtractionSettings = ExtractionSettings(),
    options: ConversionOptions = ConversionOptions(),
    clip: str | None = None,
) -> SkeletonSequence:
    """Return the postprocessed skeletons of a file; people without identities are tracked first.

    Args:
        path: the file.
        settings: settings of the tracking of people without identities, and of postprocessing.
        options: options for reading.
        clip: id of the batch's clip whose result the file is; None for a file that the user has. Messages name it, or else
            the file.

    Raises:
        FormatError: the file does not exist, is damaged, or has an unknown format.
        SettingsError: the people have identities, and a setting of tracking was given.
    """
    name = clip or str(path)
    again = "" if clip else f"; skelstream track {shlex.quote(str(path))} gives them new ones"
    skeletons, warnings = read_people(path, options, clip), list[str]()
    if isinstance(skeletons, Detections):
        skeletons = with_identities(skeletons, settings.tracking)
        warnings += skeletons.meta["warnings"]
    else:
        _check_no_tracking(name, settings, options.given, again)
        if (count := exchanges(skeletons)) >= _MANY_EXCHANGES:
            warnings.append(
                f"people go on under each other's ids {count} times, as in slots that swap{again}"
            )
    known = skeletons.meta.get("warnings") or []
    processed = postprocess(skeletons, settings.postprocessing)
    warnings += (processed.meta.get("warnings") or [])[len(known) :]
    video = f"{skeletons.meta.get('source')}: "  # the beginning of warnings in the meta
    for warning in warnings:
        options.note(f"{name}: {warning.removeprefix(video)}")
    return processed


def _check_no_tracking(name: str, settings: ExtractionSettings, given: frozenset[str], again: str) -> None:
    """Check that no setting of tracking was given for people who have identities.

    Args:
        name: name of the file or clip in the message.
        settings: the settings.
        given: names of the settings that the user gave.
        again: end of the message that says how to track again.

    Raises:
        SettingsError: one was.
    """
    for option in ExtractionSettings.options():
        if option.path[0] == "tracking" and (
            option.name in given or getattr(settings.tracking, option.path[-1]) != option.default
        ):
            raise SettingsError(
                f"{name}: its people have identities, so that {option.name} has no effect{again}",
                setting=option.name,
            )


def read_people(
    path: Path, options: ConversionOptions = ConversionOptions(), clip: str | None = None
) -> SkeletonSequence | Detections:
    """Return the people of a file as they are in it; the arguments are those of `read_skeletons`.

    Raises:
        FormatError: the file does not exist, is damaged, or has an unknown format.
    """
    size, note, name = options.size, options.note, clip or str(path)
    people = read(
        path,
        options.source_format,
        options.rate,
        size=size and (size[1], size[0]),
        clip=options.clip,
        note=note,
    )
    if isinstance(people, Detections):
        known = people.height and (people.width, people.height)
        table = [(index, time) for index, time, _ in people.frames]
    else:
        known = people.size and people.size[::-1]
        table = list(zip(people.frame_index.tolist(), people.frame_time.tolist(), strict=True))
        if people.meta.get("partial"):
            note(f"{name}: its extraction was interrupted; it has the first {people.frames} frames")
    if options.rate is not None and not _at_rate(table, options.rate):
        note(f"{name}: it has times of its own, so that the given rate has no effect")
    if size is None or known == size:
        return people
    if known:
        note(f"{name}: it is of images of {known[0]}x{known[1]}, so that the given size has no effect")
        return people
    if isinstance(people, Detections):
        return replace(people, width=size[0], height=size[1])
    return replace(people, meta={**people.meta, "width": size[0], "height": size[1]})


def _at_rate(table: list[tuple[int, float]], rate: float) -> bool:
    """Return whether frames, given by number and time, come at a rate."""
    first = table[0] if table else (0, 0.0)
    return all(abs(time - first[1] - (index - first[0]) / rate) < 0.5 / rate for index, time in table)


def convert(
    inputs: Sequence[str | Path],
    output: str | Path,
    settings: ExtractionSettings = ExtractionSettings(),
    options: ConversionOptions = ConversionOptions(),
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write skeletons in another format; several inputs, labels or a batch make a training set.

    Args:
        inputs: files or folders of skeletons, or the folder or URL of one batch's results.
        output: file or folder to write.
        settings: settings of the tracking of people without identities, and of postprocessing.
        options: options for reading and writing.
        report: called with the number of inputs read so far and the number of all.

    Raises:
        FormatError: an input cannot be read, or the format cannot store it.
        OutputError: the output exists or cannot be written.
        SettingsError: inputs or options exclude each other.
    """
    # A format that a file's ending does not name fails later, with the reason.
    with suppress(FormatError):
        written = choose(Path(output), options.format).outputs(Path(output))
        check_not_inputs(written, [*inputs, options.labels])
    urls = [str(name) for name in inputs if "://" in str(name)]
    if urls and len(inputs) > 1:
        raise SettingsError(f"{urls[0]}: a batch at a URL must be the only input")
    if options.labels is not None and options.class_folders:
        raise SettingsError("give a table of labels or class folders, not both", setting="class_folders")
    if urls or (len(inputs) == 1 and Results(inputs[0]).exists()):
        _convert_batch(inputs[0], output, settings, options, report)
        return
    paths = [Path(name) for name in inputs]
    labels = (
        labels_of_folders(paths) if options.class_folders else options.labels and read_labels(options.labels)
    )
    write_options = _write_options(settings, options, labels)
    if len(paths) == 1 and labels is None:
        sequence = read_skeletons(paths[0], settings, options)
        save(sequence, output, options.format, options.overwrite, options=write_options)
        return
    samples = labelled(paths, labels, lambda path: read_skeletons(path, settings, options), options.note)
    reported = _reported(samples, len(paths), report)
    save_dataset(reported, output, options.format, options.overwrite, options=write_options)


def _convert_batch(
    location: str | Path,
    output: str | Path,
    settings: ExtractionSettings,
    options: ConversionOptions,
    report: Callable[[int, int], None],
) -> None:
    if options.labels is not None or options.class_folders:
        raise SettingsError(
            "the labels of a batch are in its manifest; leave this option out", setting="labels"
        )
    batch = Batch(location)
    choose_for_many(Path(output), options.format, _one_by_one(location, batch, Path(output)))
    for line in batch.remarks():
        options.note(line)
    write_options = _write_options(settings, options, batch.labels)
    samples = batch.samples(lambda path, clip: read_skeletons(path, settings, options, clip))
    save_dataset(
        _reported(samples, len(batch), report),
        output,
        options.format,
        options.overwrite,
        options=write_options,
    )


def _one_by_one(location: str | Path, batch: Batch, output: Path) -> str:
    """Return the end of an error's line that says how to convert the clips of a batch one by one."""
    if "://" in str(location):
        return ""
    result = next((path for path in batch.own_files() if path.is_file()), None)
    if result is None:
        return (
            f"; or unpack its shards with skelstream batch pack {location} --unpack and convert clip by clip"
        )
    given, wanted = shlex.quote(str(result)), shlex.quote(f"{result.stem}{output.suffix}")
    return f"; or convert clip by clip, the first one by skelstream convert {given} -o {wanted}"


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
