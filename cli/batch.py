"""``skelstream batch``: many clips, with a record of each."""

from __future__ import annotations

from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings

from .messages import complain, say, warn
from .options import Debug, Quiet, with_settings

if TYPE_CHECKING:
    from skelstream.batch.events import BatchFinished, Event
    from skelstream.batch.records import Record
    from skelstream.batch.status import Status

batch = typer.Typer(
    no_args_is_help=True, help="Many clips: from a manifest to results, with a record of each."
)


class Shards(StrEnum):
    """Formats of files that hold many results."""

    webdataset = "webdataset"
    parquet = "parquet"


_ENGINE = "Engine"
Place = Annotated[str, typer.Argument(help="Folder or URL of the results.", metavar="OUT")]
ClipsPerShard = Annotated[
    int | None,
    typer.Option("--clips-per-shard", min=1, help="Clips in a shard. Default: 1000.", metavar="N"),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine", help="local, ray, slurm or a plug-in's.", rich_help_panel=_ENGINE, metavar="NAME"
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Worker processes. Default: one per GPU, or as cores and memory allow.",
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
            help="CSV or Parquet with a column path (and id, label, split, start, end), or a folder of class folders.",
            metavar="MANIFEST",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="Folder of the results, or a URL such as s3://bucket/x.", metavar="OUT"
        ),
    ],
    settings: ExtractionSettings,
    shards: Annotated[
        Shards | None,
        typer.Option("--shards", help="Store results in files of many clips. Default: a file per clip."),
    ] = None,
    clips_per_shard: ClipsPerShard = None,
    redo: Annotated[
        bool, typer.Option("--redo", help="Extract clips again that were done with other settings.")
    ] = False,
    engine: EngineName = "local",
    workers: Workers = None,
    partition: Annotated[
        str | None,
        typer.Option(
            "--partition",
            help="Extract one of N parts of the manifest: 1/4 to 4/4.",
            rich_help_panel=_ENGINE,
            metavar="I/N",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="Ray cluster to join, or auto. Default: a new one here.",
            rich_help_panel=_ENGINE,
            metavar="HOST",
        ),
    ] = None,
    tasks: Annotated[
        int,
        typer.Option("--tasks", min=1, help="Tasks of a Slurm array.", rich_help_panel=_ENGINE, metavar="N"),
    ] = 10,
    slurm: Annotated[
        list[str],
        typer.Option(
            "--slurm",
            help="Slurm parameter by submitit's name: timeout_min=600, gpus_per_node=1.",
            rich_help_panel=_ENGINE,
            metavar="NAME=VALUE",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Extract the skeletons of all clips of a manifest.

    [bold]skelstream batch run videos/ -o skeletons/[/]  class folders: videos/run/001.mp4
    [bold]skelstream batch run clips.csv -o skeletons/ --workers 4[/]
    [bold]skelstream batch run clips.csv -o s3://bucket/x --shards parquet[/]
    [bold]skelstream batch run clips.csv -o /shared/x --partition 3/50[/]  one machine of 50
    [bold]skelstream batch run clips.csv -o /shared/x --engine slurm --tasks 50[/]

    Each clip becomes OUT/ID.npz, once, and whole or not at all; with --shards it moves to OUT/shards/, and
    OUT/index.csv says where. The same command continues after Ctrl-C, a crash or a power cut. A clip that fails,
    or ends its worker three times, is recorded and left: see batch status and batch retry. Exit status 1 if
    clips failed.
    """
    from skelstream.batch import BatchOptions
    from skelstream.batch import run as run_batch

    options = BatchOptions(
        engine, workers, partition, address, tasks, _parameters(slurm), shards, clips_per_shard, redo
    )
    _show(run_batch(manifest, output, settings, options), output, quiet)


@batch.command("status")
def status(output: Place, debug: Debug = False) -> None:
    """Show how far a batch is, and what failed and why."""
    from rich.console import Console
    from rich.table import Table

    from skelstream.batch import Results, status_of

    found = status_of(Results(output))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("clips", f"{found.total}")
    table.add_row("done", f"{len(found.done)}", f"{sum(r.frames for r in found.done)} frames")
    table.add_row("failed", f"{len(found.failed)}")
    stale = [f"{found.stale} done with other settings, or of videos that have changed"] if found.stale else []
    gone = [f"{found.gone} done before, whose results are gone"] if found.gone else []
    table.add_row("missing", f"{found.missing}", "; ".join(stale + gone))
    if found.layout is not None or found.shards:
        table.add_row("in shards", f"{found.packed}", f"{found.shards} shards")
    if found.rate is not None:
        left = "" if found.seconds_left is None else f"{_duration(found.seconds_left)} left"
        table.add_row("rate", f"{found.rate:.2f} clips/s", left)
    Console().print(table)
    _print_remarks(found)


@batch.command("retry")
def retry(
    output: Place,
    failed: Annotated[
        bool, typer.Option("--failed", help="Clips that failed, also by ending workers.")
    ] = False,
    engine: EngineName = "local",
    workers: Workers = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Extract clips again that failed, with the settings of the batch."""
    from skelstream.batch import BatchOptions
    from skelstream.batch import retry as retry_batch

    if not failed:
        raise SettingsError("say which clips to extract again", setting="failed")
    _show(retry_batch(output, BatchOptions(engine=engine, workers=workers)), output, quiet)


@batch.command("pack")
def pack(
    output: Place,
    shards: Annotated[
        Shards | None, typer.Option("--shards", help="Format of shards. Default: the batch's present one.")
    ] = None,
    clips_per_shard: ClipsPerShard = None,
    loose: Annotated[bool, typer.Option("--loose", help="Unpack the shards to a file per clip.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Pack results into shards, or into others, without extracting anything.

    [bold]skelstream batch pack skeletons/[/]  what machines left that worked on partitions
    [bold]skelstream batch pack skeletons/ --shards parquet --clips-per-shard 500[/]
    [bold]skelstream batch pack skeletons/ --loose[/]

    Shards with clips that are neither done nor failed wait for them. Nothing else should work on the batch while
    its shards change. Exit status 1 if results are gone or damaged: run the batch again.
    """
    from skelstream.batch import Results
    from skelstream.batch import pack as pack_batch
    from skelstream.batch.results import name_of_result

    packed = pack_batch(output, shards, clips_per_shard, loose=loose)
    if not quiet:
        waiting = f"; {packed.waiting} done clips wait for others of their shard" if packed.waiting else ""
        say(f"{packed.clips} clips in {packed.shards} shards{waiting}; in {output}")
    for id in packed.lost:
        path = Results(output).store.path(name_of_result(id))
        complain(f"{path}: is missing, or not what was recorded; run the batch again")
    if packed.lost:
        raise typer.Exit(1)


def _parameters(slurm: list[str]) -> dict[str, str | int]:
    if wrong := [text for text in slurm if "=" not in text]:
        raise SettingsError(f"{wrong[0]!r} is not of the form timeout_min=600", setting="slurm")
    named = (text.split("=", 1) for text in slurm)
    return {name: int(value) if value.isdecimal() else value for name, value in named}


def _show(events: Generator[Event, None, None], output: str, quiet: bool) -> None:
    """Show the events of a batch, with a bar for its clips, and a summary; exit with status 1 if clips failed."""
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
                    title = "verifying" if isinstance(event, VerificationStarted) else "extracting"
                    progress = bar.enter_context(ClipProgress(title, event.clips, quiet))
                case ClipVerified(intact=False):
                    warn(f"{event.path}: is not what was recorded; the clip is extracted again")
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
        others = f"{done.elsewhere} with another process, " if done.elsewhere else ""
        left = f", {done.failed_before} that failed before are left" if done.failed_before else ""
        say(
            f"{done.done} extracted{rate}, {done.existing} there already, {others}{done.failed} failed{left}; in {output}"
        )
    if done.failed or done.failed_before:
        raise typer.Exit(1)


def _print_remarks(found: Status) -> None:
    """Print examples of failures, of short results and of unusual clips."""
    from skelstream.files.text import printable

    def listed(records: list[Record], describe: str) -> str:
        return ", ".join(
            f"{printable(r.clip)} ({describe.format(r=r, people=r.people / max(1, r.frames))})"
            for r in records
        )

    for reason, count, example in found.reasons:
        typer.echo(
            f"{count} x {reason}, for instance {printable(example.clip)}: {printable(example.message)}"
        )
    if found.short:
        shown = ", ".join(
            f"{printable(r.clip)} ({r.decoded} of {max(r.frames, r.expected or 0)})" for r in found.short[:3]
        )
        typer.echo(
            f"fewer frames than the container claims, or damaged: {len(found.short)} clips, for instance {shown}"
        )
    if len(found.made_with) > 1:
        mixed = ", ".join(f"{count} with {printable(name)}" for name, count in found.made_with.most_common())
        typer.echo(f"a mixture: {mixed}")
    for title, records in (("slowest", found.slowest), ("emptiest", found.emptiest)):
        if records:
            typer.echo(
                f"{title}: {listed(records, '{r.seconds:.1f} s, {r.frames} frames, {people:.1f} people')}"
            )


def _duration(seconds: float) -> str:
    """Return a duration of the form 3 d 04:05:06."""
    days, rest = divmod(round(seconds), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock
