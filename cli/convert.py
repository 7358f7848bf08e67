"""``skelstream convert``: conversion of skeletons to another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings

from .messages import notes, say
from .one_output import check_output, write_output
from .options import (
    ClipName,
    Debug,
    Format,
    ImageSize,
    Output,
    Overwrite,
    Quiet,
    Rate,
    SourceFormat,
    parsed_size,
    with_settings,
)


@with_settings(
    "tracking",
    "tracker",
    "max_interval",
    "max_lost",
    "min_observations",
    "skeleton",
    "fill",
    "smooth",
    "fps",
    "person",
)
def convert(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Skeletons: .npz, .jsonl, .csv, .parquet, .json, .pkl, .pose, .h5, .trc, a folder of"
            " OpenPose JSON, or a batch's folder or URL.",
            metavar="INPUT...",
        ),
    ],
    output: Output,
    settings: ExtractionSettings,
    given: frozenset[str] = frozenset(),
    format: Format = None,
    source_format: SourceFormat = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", help="Make a training set with a CSV of name, label and split.", metavar="CSV"
        ),
    ] = None,
    class_folders: Annotated[
        bool,
        typer.Option(
            "--class-folders", help="Label each input by its folder, split by train, val or test above."
        ),
    ] = False,
    persons: Annotated[
        int | None,
        typer.Option(
            "--persons",
            min=1,
            help="Set people per clip, in formats with a fixed number. Default: 2.",
            metavar="M",
        ),
    ] = None,
    frames: Annotated[
        int,
        typer.Option(
            "--frames", min=1, help="Set frames per clip, in formats with a fixed length.", metavar="T"
        ),
    ] = 300,
    size: ImageSize = None,
    clip: ClipName = None,
    rate: Rate = None,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Convert skeletons to the format of a recogniser or another tool.

    [bold]skelstream convert walk.npz -o walk.csv[/]
    [bold]skelstream convert walk.npz -o walk.pkl[/]  for PYSKL or MMAction2
    [bold]skelstream convert clips/*.npz -o set.pkl --labels labels.csv[/]  one file, with splits
    [bold]skelstream convert train/*/*.npz val/*/*.npz -o set.pkl --class-folders[/]
    [bold]skelstream convert skeletons/ -o set.pkl[/]  results of batch run, with their labels
    [bold]skelstream convert openpose_json/ -o walk.npz --size 1920x1080 --rate 25[/]

    In .npz files, measured values are kept beside filled and smoothed ones.
    People without identities are tracked; skelstream track gives new ones.
    """
    from skelstream.batch import ConversionOptions
    from skelstream.batch import convert as convert_files
    from skelstream.batch.conversion import read_skeletons

    from .progress import InputProgress

    options = ConversionOptions(
        format, source_format, labels, class_folders, persons, frames, parsed_size(size), clip, rate, overwrite, given,
        notes(quiet),
    )  # fmt: skip
    if output == "-":
        if len(inputs) > 1 or labels is not None or class_folders:
            raise SettingsError("standard output takes one input, without labels", setting="output")
        check_output(output, format, overwrite, inputs)
        sequence = read_skeletons(Path(inputs[0]), settings, options)
        write_output(sequence, output, format, overwrite, options.note)
        return
    with InputProgress("reading", quiet) as progress:
        convert_files(inputs, output, settings, options, progress.report)
    if not quiet:
        say(f"wrote {output}")
