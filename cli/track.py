"""``skelstream track``: new identities for the people of a file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.errors import FormatError, SettingsError
from skelstream.extraction.settings import ExtractionSettings

from .messages import RESAMPLED, counted, note_left_out, notes, say, show_warnings, warn
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
    Skeletons,
    SourceFormat,
    parsed_size,
    with_settings,
)

if TYPE_CHECKING:
    from skelstream.sequences import Detections, SkeletonSequence


@with_settings("tracker", "max_interval", "max_lost", "min_observations", "linking")
def track(
    skeletons: Skeletons,
    output: Output,
    settings: ExtractionSettings,
    given: frozenset[str] = frozenset(),
    video: Annotated[
        str | None,
        typer.Option(help="Tell people apart by their colours in this video, and join their tracks."),
    ] = None,
    format: Format = None,
    source_format: SourceFormat = None,
    size: ImageSize = None,
    clip: ClipName = None,
    rate: Rate = None,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Give people new identities, whatever the file's ids say.

    [bold]skelstream track walk.npz -o again.npz --max-lost 3[/]
    [bold]skelstream track walk.npz -o again.npz --video walk.mp4[/]  colours tell people apart
    [bold]skelstream track openpose_json/ -o walk.npz --size 1920x1080 --rate 25[/]
    [bold]skelstream track slots.pkl -o walk.csv --tracker bytetrack[/]

    Poses stay as they are, and gaps stay gaps. Filled, smoothed and 3D values
    belong to the old identities and are left out.
    """
    from skelstream.batch.conversion import ConversionOptions, read_people
    from skelstream.extraction.output import check_format
    from skelstream.processing.identities import lasting_warnings

    check_output(output, format, overwrite, [skeletons, video])
    _check_effects(settings, given, video)
    if output != "-":
        check_format(Path(output), format, settings.postprocessing)
    note = notes(quiet)
    options = ConversionOptions(
        source_format=source_format, size=parsed_size(size), clip=clip, rate=rate, note=note
    )
    people = read_people(skeletons, options)
    tracked = _tracked(skeletons, people, settings, video, quiet)
    if not quiet:
        show_warnings(tracked.meta["warnings"][len(lasting_warnings(getattr(people, "meta", {}))) :])
        _say_what_is_left_out(skeletons, people)
    write_output(tracked, output, format, overwrite, note)
    if not quiet:
        _say_summary(tracked, output)


def _check_effects(settings: ExtractionSettings, given: frozenset[str], video: str | None) -> None:
    """Check that each option has an effect.

    Raises:
        SettingsError: one has none.
    """
    own = settings.tracking
    if video is None and "linking" in given:
        raise SettingsError("without --video no tracks are joined; leave it out", setting="linking")
    if video is not None and not own.linking and not own.appearance_weight:
        raise SettingsError(
            f"{own.tracker} does not look at colours, and joins no tracks; leave the video out, or choose another tracker",
            setting="video",
        )


def _tracked(
    path: Path,
    people: Detections | SkeletonSequence,
    settings: ExtractionSettings,
    video: str | None,
    quiet: bool,
) -> SkeletonSequence:
    from skelstream.drawing.by_frame import open_video
    from skelstream.processing import tracked_again
    from skelstream.sequences import SkeletonSequence
    from skelstream.video import open_source

    from .progress import InputProgress

    with InputProgress("tracking", quiet) as progress, ExitStack() as opened:
        images = None
        if video is not None:
            known = isinstance(people, SkeletonSequence)
            images = opened.enter_context(open_video(people, video) if known else open_source(video))
        try:
            return tracked_again(people, settings.tracking, images, progress.report)
        except FormatError as error:
            raise FormatError(f"{video or path}: {error}", setting="video" if video else None) from error


def _say_what_is_left_out(path: Path, people: Detections | SkeletonSequence) -> None:
    from skelstream.processing.resampling import measured_or_resampled
    from skelstream.sequences import SkeletonSequence

    gone = []
    if isinstance(people, SkeletonSequence):
        poses = measured_or_resampled(people)
        if poses.raw is not None:
            warn(f"{path}: {RESAMPLED}")
        gone += ["filled and smoothed values"] if poses is not people else []
        gone += ["3D joints"] if people.lifted is not None else []
    gone += [name for name in ("names", "edits") if getattr(people, "meta", {}).get(name)]
    note_left_out(path, gone, warn)


def _say_summary(tracked: SkeletonSequence, output: str) -> None:
    """Print a line such as ``1,204 frames, 9 tracks of 6 people``."""
    from skelstream.sequences.summary import tracklets_of

    tracklets, poses = tracklets_of(tracked), tracked.meta["tracked"]["poses"]
    count = len(tracked)
    tracks = counted(count, "track")
    if tracklets:
        tracks = f"{tracklets:,} tracks of {count:,} {'person' if count == 1 else 'people'}"
    out = poses - len(tracked.frame)
    left = f", {out:,} of {poses:,} poses are in no track" if out else ""
    say(f"{counted(tracked.frames, 'frame')}, {tracks}{left}")
    if output != "-":
        say(f"wrote {output}")
