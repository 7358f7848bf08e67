"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .saying import log_to_stderr

if TYPE_CHECKING:
    from skelstream.refiner.refiner import RefinerSettings


def _debug(ctx: typer.Context, value: bool) -> None:
    if value:
        ctx.find_root().obj = "debug"
        log_to_stderr()


Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        callback=_debug,
        help="Tell what is chosen and repaired, and show the whole traceback of an error.",
    ),
]

Weights = Annotated[str | None, typer.Option(help="Name of a packaged model, or a weights file.")]
Size = Annotated[
    int | None,
    typer.Option(
        min=64,
        max=4096,
        help="Long side of the network's input in pixels: larger finds smaller people, smaller is faster.",
    ),
]
Looks = Annotated[
    str,
    typer.Option(
        help="People a frame that a second network looks at again: all, a number, or 0 for one look.",
        metavar="N",
    ),
]
SecondLook = Annotated[
    str | None,
    typer.Option("--second-look", help="The second network: name of a packaged model, or a weights file."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Runtime = Annotated[str, typer.Option(help="auto, torch or openvino.")]
Precision = Annotated[str, typer.Option(help="auto, float32, bfloat16, float16 or int8.")]

Joints = Annotated[
    str | None,
    typer.Option(
        "--skeleton",
        help="Joint set to convert to: openpose18, coco17, body25, h36m17, mpii16 or ntu25.",
        metavar="NAME",
    ),
]
Fill = Annotated[
    float | None,
    typer.Option("--fill", min=0, help="Fill gaps of up to so many seconds.", metavar="SECONDS"),
]
Smooth = Annotated[
    bool,
    typer.Option(
        "--smooth", help="Smooth every track, backwards and forwards; a stream, backwards only (One-Euro)."
    ),
]

Rate = Annotated[
    float | None,
    typer.Option(
        "--fps",
        min=0.001,
        help="Resample to an even rate: values between two frames are interpolated and marked.",
        metavar="RATE",
    ),
]
Person = Annotated[
    str | None,
    typer.Option(
        "--person",
        help="Who comes first, for formats with room for few: longest, largest, centre or moving.",
        metavar="WHO",
    ),
]


def second_look(looks: str, weights: str | None = None) -> RefinerSettings | None:
    """The settings that ``--looks`` and ``--second-look`` ask for; None for one look."""
    from skelstream.network.model_file import SECOND
    from skelstream.refiner.refiner import RefinerSettings

    if looks != "all" and not looks.isdecimal():
        raise typer.BadParameter(f"{looks!r} is neither a number nor all", param_hint="--looks")
    most = None if looks == "all" else int(looks)
    return None if most == 0 else RefinerSettings(weights or SECOND, most)
