"""``skelstream convert``: skeletons from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import say, warn
from .options import Debug, Fill, Joints, Person, Rate, Smooth
from .tracking import (
    MaxLost,
    MaxStep,
    MinObservations,
    TrackerName,
    Tracking,
    tracker_settings,
)

if TYPE_CHECKING:
    from skelstream.sequences import SkeletonSequence


def convert(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Skeletons: .npz, .jsonl, .csv, .parquet, .json, .pkl, .pose, .h5, .trc, a folder of OpenPose's JSON, or"
            " the folder or URL of a batch's results.",
            metavar="INPUT",
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="What to write; its ending decides the format. -: JSON lines."),
    ],
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="Format, where the ending does not say it, for instance stgcn."),
    ] = None,
    skeleton: Joints = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV with name, label and, if there are splits, split: makes a training set."),
    ] = None,
    class_folders: Annotated[
        bool,
        typer.Option(
            "--class-folders",
            help="Label each input with the folder it lies in; a folder train, val or test above is its split.",
        ),
    ] = False,
    persons: Annotated[
        int | None,
        typer.Option(min=1, help="People that formats with a slot for each person hold. Default: 2."),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames that formats of a fixed length hold.")] = 300,
    fill: Fill = None,
    smooth: Smooth = False,
    fps: Rate = None,
    person: Person = None,
    size: Annotated[
        str | None,
        typer.Option(help="The image's size, where the input does not say it.", metavar="WIDTHxHEIGHT"),
    ] = None,
    source_format: Annotated[
        str | None,
        typer.Option(
            "--from", help="Format of the inputs, where ending and content do not say it.", metavar="FORMAT"
        ),
    ] = None,
    clip: Annotated[
        str | None, typer.Option(help="Which clip of a pickle that holds many.", metavar="NAME")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Frames per second, where the input holds no times. Default: 30.")
    ] = None,
    tracking: Tracking = True,
    tracker: TrackerName = None,
    max_step: MaxStep = None,
    max_lost: MaxLost = None,
    min_observations: MinObservations = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    debug: Debug = False,
) -> None:
    """Write skeletons in the layout that a recogniser or another tool reads.

    [bold]skelstream convert walk.npz -o walk.csv[/]
    [bold]skelstream convert walk.npz -o walk.pkl[/]  for PYSKL or MMAction2
    [bold]skelstream convert clips/*.npz -o set.pkl --labels labels.csv[/]  one annotation file, with splits
    [bold]skelstream convert train/*/*.npz val/*/*.npz -o set.pkl --class-folders[/]  train/run/001.npz is of class run
    [bold]skelstream convert skeletons/ -o set.pkl[/]  the results of skelstream batch run, with the manifest's labels
    [bold]skelstream convert s3://bucket/skeletons -o set.pkl[/]
    [bold]skelstream convert clips/*.npz -o data/ -f stgcn --labels labels.csv --fill 0.5[/]
    [bold]skelstream convert openpose_json/ -o walk.npz --size 1920x1080 --rate 25[/]  people get tracked

    Values as measured stay in .npz files; --fill and --smooth add to them.
    """
    from dataclasses import replace

    from rich.console import Console
    from rich.progress import track

    from skelstream.batch.dataset import Batch
    from skelstream.batch.results import Results
    from skelstream.formats import (
        WriteOptions,
        labelled,
        labels_of_folders,
        lines,
        read,
        read_labels,
        save,
        save_dataset,
    )
    from skelstream.processing import Postprocessing, tracked
    from skelstream.sequences import Detections

    image, postprocessing = _size(size), Postprocessing(skeleton, fill, smooth, fps, person)
    settings = tracker_settings(tracking, tracker, max_step, max_lost, min_observations)

    def note(text: str) -> None:
        if not quiet:
            warn(text)

    def sequence(path: Path) -> SkeletonSequence:
        found = read(path, source_format, rate, size=image and (image[1], image[0]), clip=clip, note=note)
        if isinstance(found, Detections):
            found = tracked(found, settings)
            for warning in found.meta["warnings"]:
                note(warning)
        if found.meta.get("partial"):
            note(f"{path}: its extraction was broken off; these are its first {found.frames} frames")
        if image is not None:
            found = replace(found, meta={**found.meta, "width": image[0], "height": image[1]})
        return postprocessing(found)

    if labels is not None and class_folders:
        raise typer.BadParameter(
            "labels come from --labels or from folders, not both", param_hint="--class-folders"
        )
    paths = [Path(name) for name in inputs]
    if output == "-":
        if len(inputs) > 1 or labels is not None or class_folders:
            raise typer.BadParameter("standard output takes one input and no labels", param_hint="--output")
        for line in lines(sequence(paths[0])):
            typer.echo(line)
        return

    elsewhere = [name for name in inputs if "://" in name]
    if elsewhere and len(inputs) > 1:
        raise typer.BadParameter(f"{elsewhere[0]}: of what lies elsewhere, one batch alone is read")
    batch = None
    if elsewhere or (len(inputs) == 1 and Results(inputs[0]).is_there()):
        if labels is not None or class_folders:
            raise typer.BadParameter("a batch has its labels in its manifest", param_hint="--labels")
        batch = Batch(inputs[0])
        known = batch.labels
    else:
        known = labels_of_folders(paths) if class_folders else None if labels is None else read_labels(labels)
    options = WriteOptions(
        persons=persons,
        frames=frames,
        classes=known and known.classes,
        class_names=known and known.names,
        skeleton=skeleton,
        note=note,
    )
    if len(inputs) == 1 and known is None:
        save(sequence(paths[0]), output, format, overwrite, options=options)
    else:
        if batch is not None:
            for line in batch.remarks():
                note(line)
            count, samples = len(batch), batch.samples(sequence)
        else:
            count, samples = len(paths), labelled(paths, known, sequence, note)
        shown = track(samples, "reading", count, console=Console(stderr=True), transient=True, disable=quiet)
        save_dataset(shown, output, format, overwrite, options=options)
    if not quiet:
        say(f"{output} written")


def _size(text: str | None) -> tuple[int, int] | None:
    """(width, height) of ``WIDTHxHEIGHT``."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise typer.BadParameter(f"{text!r} is not like 1920x1080", param_hint="--size")
    return int(width), int(height)
