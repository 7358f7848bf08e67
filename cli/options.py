"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .messages import show_log

if TYPE_CHECKING:
    from skelstream.estimation.pose_estimator import EstimatorSettings
    from skelstream.refinement.refiner import RefinerSettings


def _debug(ctx: typer.Context, value: bool) -> None:
    if value:
        root = ctx.find_root()
        root.obj = "debug"
        root.call_on_close(show_log())


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
        help="People a frame that a second network looks at again: a number, 0 for one look, all, or auto, which is all in"
        " a file and as many as there is time for from a camera.",
        metavar="N",
    ),
]
SecondLook = Annotated[
    str | None,
    typer.Option(
        "--second-look",
        help="The second network: a packaged model, weights (HRNet's, imported), or a top-down network as .onnx or .xml"
        " with a .toml beside it that describes it.",
        metavar="NAME",
    ),
]
FirstLookEvery = Annotated[
    str,
    typer.Option(
        "--first-look-every",
        help="The first network sees each N-th frame only, or, with auto, one each 0.2 s; in between the"
        " second one looks where people are expected. Faster.",
        metavar="N",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Runtime = Annotated[str, typer.Option(help="auto, torch or openvino.")]
Precision = Annotated[str, typer.Option(help="auto, float32, bfloat16, float16 or int8.")]

Every = Annotated[int, typer.Option(min=1, help="Look at every N-th frame only.")]
ImageRate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        min=0.001,
        help="Images a second, for a folder or pattern of images. Default: images that do not look like each"
        " other are photos, and others come 30 a second. Of a camera: the rate to ask for.",
    ),
]
MaxPeople = Annotated[
    int | None,
    typer.Option("--max-people", min=1, help="At most so many people a frame: those seen most so far."),
]
MinScore = Annotated[
    float | None, typer.Option("--min-score", min=0, max=1, help="Leave out people of a lower score.")
]
RegionSides = Annotated[
    str | None,
    typer.Option(
        "--region",
        help="Only people whose middle is in there, in pixels or shares: 100,0,500,480 or 25%,0,75%,100%.",
        metavar="LEFT,TOP,RIGHT,BOTTOM",
    ),
]
SlowMotion = Annotated[
    float,
    typer.Option(
        "--slow-motion",
        min=0.001,
        help="How many times slower than it happened the video is: 4 for 120 frames/s played at 30.",
        metavar="FACTOR",
    ),
]

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
Lift = Annotated[
    bool, typer.Option("--lift", help="Also lift people to 3D (experimental); npz files hold it.")
]


def frames_between(first_look_every: str) -> int | None:
    """The number that ``--first-look-every`` asks for; None for auto."""
    if first_look_every != "auto" and not (first_look_every.isdecimal() and int(first_look_every) > 0):
        raise typer.BadParameter(
            f"{first_look_every!r} is neither a number from 1 up nor auto", param_hint="--first-look-every"
        )
    return None if first_look_every == "auto" else int(first_look_every)


def second_look(looks: str, weights: str | None = None) -> RefinerSettings | None:
    """The settings that ``--looks`` and ``--second-look`` ask for; None for one look."""
    from skelstream.network.model_file import SECOND
    from skelstream.refinement.refiner import RefinerSettings

    if looks not in ("all", "auto") and not looks.isdecimal():
        raise typer.BadParameter(f"{looks!r} is neither a number nor all nor auto", param_hint="--looks")
    most = int(looks) if looks.isdecimal() else None
    return None if most == 0 else RefinerSettings(weights or SECOND, most, keep_up=looks != "all")


def estimator_settings(
    weights: str | None,
    device: str,
    size: int | None,
    min_score: float | None,
    runtime: str,
    precision: str,
    looks: str,
    second: str | None,
) -> EstimatorSettings:
    """The estimator that the options of these names ask for."""
    from dataclasses import replace

    from skelstream.estimation.pose_estimator import SIZE, EstimatorSettings
    from skelstream.grouping.settings import GroupingSettings

    grouping = GroupingSettings()
    if min_score is not None:
        grouping = replace(grouping, min_person_score=min_score)
    again = second_look(looks, second)
    return EstimatorSettings(weights, device, size or SIZE, grouping, runtime, precision, second=again)
