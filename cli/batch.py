"""``skelstream batch``: extraction of many clips, with a record of each."""

from __future__ import annotations

from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings

from .messages import complain, say, stdout_console, warn
from .options import Debug, NoCache, Quiet, with_settings

if TYPE_CHECKING:
    from skelstream.batch.events import BatchFinished, Event
    from skelstream.batch.records import Record
    from skelstream.batch.status import Status

batch = typer.Typer(no_args_is_help=True, help="Extract many clips, with a record of each.")


class Shards(StrEnum):
    """Formats of shards."""

    webdataset = "webdataset"
    parquet = "parquet"


_ENGINE = "Engine"
_FIRST_CLIPS = "loading the networks, then the first clips"
Location = Annotated[str, typer.Argument(help="Folder or URL of the results.", metavar="OUT")]
ClipsPerShard = Annotated[
    int | None,
    typer.Option(
        "--clips-per-shard", min=1, help="Set the number of clips per shard. Default: 1000.", metavar="N"
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine", help="Choose local, ray, slurm or a plug-in.", rich_help_panel=_ENGINE, metavar="NAME"
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Set worker processes. Default: one per GPU, or by cores and memory.",
        rich_help_panel=_ENGINE,
        metavar="N",
    ),
]


@batch.command("run")
@with_settings(
    "every", "slow_motion", "region", "detect_every", "estimator.*", "tracking.*", "postprocessing.*"
)
def run(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet with path (and id, label, split, start, end), or class folders.",
            metavar="MANIFEST",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="Write results to a folder or URL, e.g. s3://bucket/x.", metavar="OUT"
        ),
    ],
    settings: ExtractionSettings,
    shards: Annotated[
        Shards | None,
        typer.Option("--shards", help="Store results in shards. Default: a file per clip."),
    ] = None,
    clips_per_shard: ClipsPerShard = None,
    redo: Annotated[
        bool, typer.Option("--redo", help="Extract clips done with other settings again.")
    ] = False,
    engine: EngineName = "local",
    workers: Workers = None,
    partition: Annotated[
        str | None,
        typer.Option(
            "--partition",
            help="Extract one partition of N: 1/4 to 4/4.",
            rich_help_panel=_ENGINE,
            metavar="I/N",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="Join a Ray cluster, or auto. Default: start one here.",
            rich_help_panel=_ENGINE,
            metavar="HOST",
        ),
    ] = None,
    tasks: Annotated[
        int,
        typer.Option(
            "--tasks", min=1, help="Set tasks of a Slurm array.", rich_help_panel=_ENGINE, metavar="N"
        ),
    ] = 10,
    slurm: Annotated[
        list[str],
        typer.Option(
            "--slurm",
            help="Set a Slurm parameter by submitit's name: timeout_min=600.",
            rich_help_panel=_ENGINE,
            metavar="NAME=VALUE",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    quiet: Quiet = False,
    no_cache: NoCache = False,
    debug: Debug = False,
) -> None:
    """Extract the skeletons of all clips of a manifest.

    [bold]skelstream batch run videos/ -o skeletons/[/]  class folders: videos/run/001.mp4
    [bold]skelstream batch run clips.csv -o skeletons/ --workers 4[/]
    [bold]skelstream batch run clips.csv -o s3://bucket/x --shards parquet[/]
    [bold]skelstream batch run clips.csv -o /shared/x --partition 3/50[/]  one machine of 50
    [bold]skelstream batch run clips.csv -o /shared/x --engine slurm --tasks 50[/]

    Each clip becomes OUT/ID.npz, which appears whole or not at all; with
    --shards it moves to OUT/shards/, and OUT/index.csv lists the shards. The
    same command continues after Ctrl-C, a crash or a power cut. A clip that
    fails, or whose workers die three times, is recorded and skipped: see
    batch status and batch retry. Exit status 1 if clips failed.
    """
    from skelstream.batch import BatchOptions
    from skelstream.batch import run as run_batch

    from .estimator import say_if_slow

    if not quiet and engine == "local":
        say_if_slow(settings)
    options = BatchOptions(
        engine, workers, partition, address, tasks, _parameters(slurm), shards, clips_per_shard, redo
    )
    _show(run_batch(manifest, output, settings, options), output, quiet)


@batch.command("status")
def status(output: Location, debug: Debug = False) -> None:
    """Count done, failed and pending clips, with reasons of failures."""
    from rich.table import Table

    from skelstream.batch import status_of

    current = status_of(output)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("clips", f"{current.total}")
    table.add_row("done", f"{len(current.done)}", f"{sum(r.frames for r in current.done)} frames")
    table.add_row("failed", f"{len(current.failed)}")
    notes = [f"{current.outdated} with other settings or a changed video"] if current.outdated else []
    notes += [f"{current.deleted} whose results were deleted"] if current.deleted else []
    table.add_row("pending", f"{current.pending}", "; ".join(notes))
    if current.layout is not None or current.shards:
        table.add_row("in shards", f"{current.packed}", f"{current.shards} shards")
    if current.rate is not None and current.pending:
        left = "" if current.seconds_left is None else f"{_duration(current.seconds_left)} left"
        table.add_row("rate", f"{current.rate:.2f} clips/s", left)
    stdout_console().print(table)
    _print_remarks(current)


@batch.command("retry")
def retry(
    output: Location,
    failed: Annotated[
        bool, typer.Option("--failed", help="Extract failed clips, including those whose workers died.")
    ] = False,
    engine: EngineName = "local",
    workers: Workers = None,
    quiet: Quiet = False,
    no_cache: NoCache = False,
    debug: Debug = False,
) -> None:
    """Extract failed clips again, with the settings of the batch."""
    from skelstream.batch import BatchOptions
    from skelstream.batch import retry as retry_batch

    if not failed:
        raise SettingsError("choose the clips to extract again", setting="failed")
    _show(retry_batch(output, BatchOptions(engine=engine, workers=workers)), output, quiet)


@batch.command("pack")
def pack(
    output: Location,
    shards: Annotated[
        Shards | None, typer.Option("--shards", help="Set the shard format. Default: the present one.")
    ] = None,
    clips_per_shard: ClipsPerShard = None,
    unpack: Annotated[bool, typer.Option("--unpack", help="Unpack the shards into a file per clip.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Pack results into shards, or into other shards, without extracting anything.

    [bold]skelstream batch pack skeletons/[/]  after runs of partitions
    [bold]skelstream batch pack skeletons/ --shards parquet --clips-per-shard 500[/]
    [bold]skelstream batch pack skeletons/ --unpack[/]

    A shard with pending clips is written once they are done or have failed.
    Run nothing else on the batch while its shards change. Exit status 1 if
    results are deleted or damaged: run the batch again.
    """
    from skelstream.batch import Results
    from skelstream.batch import pack as pack_batch
    from skelstream.batch.results import result_name

    packed = pack_batch(output, shards, clips_per_shard, unpack=unpack)
    if not quiet:
        waiting = (
            f"; {packed.waiting} done clips wait for pending clips of their shard" if packed.waiting else ""
        )
        say(f"{packed.clips} clips in {packed.shards} shards{waiting}; in {output}")
    for id in packed.damaged:
        path = Results(output).store.path(result_name(id))
        complain(f"{path}: does not exist or has changed; run the batch again")
    if packed.damaged:
        raise typer.Exit(1)


def _parameters(slurm: list[str]) -> dict[str, str | int]:
    if wrong := [text for text in slurm if "=" not in text]:
        raise SettingsError(f"{wrong[0]!r} does not have the form timeout_min=600", setting="slurm")
    pairs = (text.split("=", 1) for text in slurm)
    return {name: int(value) if value.isdecimal() else value for name, value in pairs}


def _show(events: Generator[Event, None, None], output: str, quiet: bool) -> None:
    """Show a batch's events with a progress bar and a summary; exit with status 1 if clips failed."""
    from contextlib import ExitStack, closing

    from skelstream.batch.events import (
        BatchFinished,
        ClipFinished,
        ClipVerified,
        ExtractionStarted,
        Message,
        VerificationStarted,
    )

    from .progress import ClipProgress

    bar = ExitStack()
    with bar, closing(events):
        progress: ClipProgress | None = None
        for event in events:
            match event:
                case VerificationStarted() | ExtractionStarted():
                    bar.close()
                    verifies = isinstance(event, VerificationStarted)
                    title, waiting = ("verifying", "") if verifies else ("extracting", _FIRST_CLIPS)
                    progress = bar.enter_context(ClipProgress(title, event.clips, quiet, waiting))
                case ClipVerified(intact=False):
                    warn(f"{event.path}: has changed; the clip is extracted again")
                case ClipFinished(record=record) if event.failed and record is not None:
                    complain(f"{event.clip.id}: {record.message}")
                case Message() if not quiet:
                    say(event.text)
                case BatchFinished():
                    bar.close()
                    _finish(event, output, quiet)
            if progress is not None and isinstance(event, ClipVerified | ClipFinished):
                progress.advance()


def _finish(done: BatchFinished, output: str, quiet: bool) -> None:
    if not quiet and not done.submitted:
        rate = f" ({done.done / done.seconds:.2f} clips/s)" if done.done and done.seconds else ""
        others = f"{done.by_others} by other processes, " if done.by_others else ""
        left = f", {done.failed_before} skipped that failed before" if done.failed_before else ""
        say(
            f"{done.done} extracted{rate}, {done.existing} done before, {others}"
            f"{done.failed} failed{left}; in {output}"
        )
    if done.failed or done.failed_before:
        raise typer.Exit(1)


def _print_remarks(status: Status) -> None:
    """Print examples of failures, of incomplete results and of unusual clips."""
    from skelstream.files.text import printable

    def listed(records: list[Record]) -> str:
        return ", ".join(
            f"{printable(r.clip)} ({r.seconds:.1f} s, {r.frames} frames,"
            f" {r.people / max(1, r.frames):.1f} people per frame)"
            for r in records
        )

    for reason, count, example in status.reasons:
        typer.echo(f"{count} x {reason}, e.g. {printable(example.clip)}: {printable(example.message)}")
    if status.short:
        shown = ", ".join(
            f"{printable(r.clip)} ({r.decoded} of {max(r.frames, r.expected or 0)})" for r in status.short[:3]
        )
        typer.echo(f"damaged, or shorter than the container claims: {len(status.short)} clips, e.g. {shown}")
    if len(status.software) > 1:
        mixed = ", ".join(f"{count} with {printable(name)}" for name, count in status.software.most_common())
        typer.echo(f"mixed versions: {mixed}")
    for title, records in (("slowest", status.slowest), ("emptiest", status.emptiest)):
        if records:
            typer.echo(f"{title}: {listed(records)}")


def _duration(seconds: float) -> str:
    """Return a duration as text, for example 3 d 04:05:06."""
    days, rest = divmod(round(seconds), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock
