"""``skelstream batch``: many clips, with a record of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import complain, say, warn
from .options import (
    Debug,
    Device,
    Every,
    Fill,
    FirstLookEvery,
    Joints,
    Lift,
    Looks,
    MaxPeople,
    MinScore,
    Person,
    Precision,
    Rate,
    RegionSides,
    Runtime,
    SecondLook,
    Size,
    SlowMotion,
    Smooth,
    Weights,
    estimator_settings,
    frames_between,
)
from .tracking import MaxLost, MaxStep, MinObservations, TrackerName, Tracking, tracker_settings

if TYPE_CHECKING:
    from skelstream.batch.job import Job
    from skelstream.batch.manifest import Clip
    from skelstream.batch.plan import Plan
    from skelstream.batch.records import Record
    from skelstream.batch.shards.layout import Layout

batch = typer.Typer(
    no_args_is_help=True, help="Many clips: from a manifest to results, with a record of each."
)


class Engine(StrEnum):
    """Who does the clips."""

    local = "local"
    ray = "ray"
    slurm = "slurm"


class Shards(StrEnum):
    """Files that hold many results."""

    webdataset = "webdataset"
    parquet = "parquet"


Place = Annotated[str, typer.Argument(help="Folder or URL of the results.", metavar="OUT")]
ClipsPerShard = Annotated[
    int | None,
    typer.Option(
        "--clips-per-shard",
        min=1,
        help="Clips in a shard, with --shards; the last one of a split may have fewer. Default: 1000.",
    ),
]
EngineName = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="Who does the clips: local is processes on this machine, ray actors of Ray, here or in a cluster, slurm the tasks"
        " of a Slurm array.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Processes, each with the networks in it. Default: one a GPU; without one, as many as cores and memory allow.",
    ),
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", help="Do the I-th of N parts of the manifest only; 1/4 to 4/4.", metavar="I/N"),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Of a Ray cluster to join, or auto. Default: one of its own, here.",
        metavar="HOST:PORT",
    ),
]
Tasks = Annotated[int, typer.Option("--tasks", min=1, help="Tasks of a Slurm array; each does a shard.")]
Slurm = Annotated[
    list[str],
    typer.Option(
        "--slurm",
        help="What submitit tells Slurm, such as timeout_min=600, slurm_partition=gpu or gpus_per_node=1; several times.",
        metavar="NAME=VALUE",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]


@batch.command("run")
def run(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet with a column path, and id, label, split, start, end if there are any; or a folder of class"
            " folders with videos in them.",
            metavar="MANIFEST",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the results, or a URL that fsspec writes to, such as s3://bucket/skeletons.",
            metavar="OUT",
        ),
    ],
    shards: Annotated[
        Shards | None,
        typer.Option(
            "--shards",
            help="Put the results into files of many clips: webdataset is tars of npz and JSON, parquet has a row a clip."
            " Default: as before in OUT, which is a file for each clip at first.",
        ),
    ] = None,
    clips_per_shard: ClipsPerShard = None,
    engine: EngineName = Engine.local,
    workers: Workers = None,
    shard: Shard = None,
    address: Address = None,
    tasks: Tasks = 10,
    slurm: Slurm = [],  # noqa: B006 - Typer makes its own of it
    redo: Annotated[
        bool, typer.Option("--redo", help="If settings have changed, do again what was done with others.")
    ] = False,
    device: Device = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    weights: Weights = None,
    size: Size = None,
    looks: Looks = "auto",
    second: SecondLook = None,
    first_look_every: FirstLookEvery = "1",
    every: Every = 1,
    max_people: MaxPeople = None,
    min_score: MinScore = None,
    region: RegionSides = None,
    slow_motion: SlowMotion = 1.0,
    tracking: Tracking = True,
    tracker: TrackerName = None,
    max_step: MaxStep = None,
    max_lost: MaxLost = None,
    min_observations: MinObservations = None,
    skeleton: Joints = None,
    fill: Fill = None,
    smooth: Smooth = False,
    fps: Rate = None,
    person: Person = None,
    lift: Lift = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Extract the skeletons of all clips of a manifest.

    [bold]skelstream batch run videos/ -o skeletons/[/]  videos/run/001.mp4 is of class run
    [bold]skelstream batch run clips.csv -o skeletons/ --workers 4[/]
    [bold]skelstream batch run clips.csv -o skeletons/ --shards webdataset --clips-per-shard 500[/]
    [bold]skelstream batch run clips.csv -o s3://bucket/skeletons --shards parquet[/]
    [bold]skelstream batch run clips.csv -o /shared/skeletons/ --shard 3/50[/]  one of fifty machines
    [bold]skelstream batch run clips.csv -o /shared/skeletons/ --engine ray --address auto[/]
    [bold]skelstream batch run clips.csv -o /shared/skeletons/ --engine slurm --tasks 50 --slurm slurm_partition=cpu[/]

    Each clip becomes OUT/ID.npz, once and whole or not at all; with --shards, these go on to OUT/shards/ as soon as all clips of a
    shard are through, and OUT/index.csv says which is where. The same command goes on after Ctrl-C, a crash or a power cut:
    what is done is verified and left. A clip that fails, or ends its worker three times, is recorded and left; see
    [bold]skelstream batch status[/] and [bold]batch retry[/]. The exit status is 1 if clips failed.
    """
    from skelstream.batch.manifest import read_manifest
    from skelstream.batch.plan import shard as part_of

    layout = _layout(shards, clips_per_shard)
    clips = read_manifest(manifest)
    part = part_of(clips, shard)

    from skelstream.batch.job import Job, JobSettings
    from skelstream.batch.results import Results
    from skelstream.geometry.region import Region
    from skelstream.network.model_file import LIFT
    from skelstream.pipeline import PipelineSettings
    from skelstream.processing.postprocessing import Postprocessing

    settings = JobSettings(
        estimator_settings(weights, device, size, min_score, runtime, precision, looks, second),
        Postprocessing(skeleton, fill, smooth, fps, person, LIFT if lift else None),
        PipelineSettings(
            every=every,
            region=None if region is None else Region.parsed(region),
            slow_motion=slow_motion,
            max_people=max_people,
            first_look_every=frames_between(first_look_every),
            tracking=tracker_settings(tracking, tracker, max_step, max_lost, min_observations, min_score),
        ),
    )
    job = Job.of(Results(output), settings)
    job.results.prepare(clips, settings.as_json(), redo, layout)
    if engine is Engine.slurm:
        _submit(job, tasks, workers, slurm)
    else:
        _do(part, job, engine, workers, address, quiet)


@batch.command("status")
def status(output: Place, debug: Debug = False) -> None:
    """Show how far a batch has come, and what failed and why."""
    from rich.console import Console
    from rich.table import Table

    from skelstream.batch.results import Results
    from skelstream.batch.status import status_of
    from skelstream.files.text import printable

    found = status_of(Results(output))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("clips", f"{found.total}")
    table.add_row("done", f"{len(found.done)}", f"{sum(r.frames for r in found.done)} frames")
    table.add_row("failed", f"{len(found.failed)}")
    told = [f"{found.stale} done with other settings, or of videos that have changed"] if found.stale else []
    told += [f"{found.gone} done before, whose results are gone"] if found.gone else []
    table.add_row("missing", f"{found.missing}", "; ".join(told))
    if found.layout is not None or found.shards:
        table.add_row("in shards", f"{found.packed}", f"{found.shards} shards")
    if found.rate is not None:
        left = "" if found.seconds_left is None else f"{_duration(found.seconds_left)} left"
        table.add_row("pace", f"{found.rate:.2f} clips/s", left)
    Console().print(table)
    for reason, count, example in found.reasons:
        typer.echo(
            f"{count} x {reason}, for instance {printable(example.clip)}: {printable(example.message)}"
        )
    if found.short:
        shown = ", ".join(
            f"{printable(r.clip)} ({r.decoded} of {max(r.frames, r.expected or 0)})" for r in found.short[:3]
        )
        typer.echo(
            f"fewer frames than their containers claim, or damaged: {len(found.short)} clips, for instance {shown}"
        )
    if len(found.made_with) > 1:
        mixed = ", ".join(f"{count} with {printable(name)}" for name, count in found.made_with.most_common())
        typer.echo(f"a mixture: {mixed}")
    for title, records in (("slowest", found.slowest), ("emptiest", found.emptiest)):
        shown = ", ".join(
            f"{printable(r.clip)} ({r.seconds:.1f} s, {r.frames} frames, {r.people / max(1, r.frames):.1f} people)"
            for r in records
        )
        if shown:
            typer.echo(f"{title}: {shown}")


@batch.command("retry")
def retry(
    output: Place,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that failed, also by ending workers.")
    ] = False,
    engine: EngineName = Engine.local,
    workers: Workers = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Do clips again that failed, with the settings of the batch."""
    from skelstream.batch.job import Job, JobSettings
    from skelstream.batch.records import Recorder, forgiven
    from skelstream.batch.results import Results
    from skelstream.batch.status import status_of

    if not failed:
        raise typer.BadParameter("say which clips: --failed", param_hint="--failed")
    if engine is Engine.slurm:
        raise typer.BadParameter("clips that failed are done here, or with ray", param_hint="--engine")
    results = Results(output)
    clips = [clip for clip, _ in status_of(results).failed]
    if not clips:
        say("no clip has failed")
        return
    settings = JobSettings.from_json(results.settings())
    job = Job.of(results, settings)
    results.prepare(results.clips(), settings.as_json(), redo=False)
    recorder = Recorder(results.store)
    for clip in clips:
        recorder.add(forgiven(clip.id))
    recorder.close()
    _do(clips, job, engine, workers, None, quiet)


@batch.command("pack")
def pack(
    output: Place,
    shards: Annotated[
        Shards | None, typer.Option("--shards", help="Other shards than the batch has, or its first.")
    ] = None,
    clips_per_shard: ClipsPerShard = None,
    loose: Annotated[
        bool, typer.Option("--loose", help="Take the shards apart again, to a file for each clip.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Put results into shards, or into others, without extracting anything.

    [bold]skelstream batch pack skeletons/[/]  what machines have left that worked on parts and are gone
    [bold]skelstream batch pack skeletons/ --shards parquet --clips-per-shard 500[/]
    [bold]skelstream batch pack skeletons/ --loose[/]

    Shards with clips in them that are neither done nor failed wait for these. Nothing else should work on the batch meanwhile
    if its shards are to be others than before. The exit status is 1 if results are gone or damaged: run the batch again.
    """
    from contextlib import closing

    from skelstream.batch.results import Results, name_of_result, settings_hash
    from skelstream.batch.shards.packing import Packer

    if loose and shards is not None:
        raise typer.BadParameter("shards or none, not both", param_hint="--loose")
    layout = _layout(shards, clips_per_shard)
    results = Results(output)
    settings = settings_hash(results.settings()) if results.clips() else ""
    if loose or layout is not None:
        results.lay_out(layout)
    elif results.layout() is None:
        raise typer.BadParameter("say which shards: webdataset or parquet", param_hint="--shards")
    with closing(Packer(results, settings)) as packer:
        packed = packer.finish()
    if not quiet:
        waiting = (
            f"; {packed.waiting} clips that are done wait for others of their shard" if packed.waiting else ""
        )
        say(f"{packed.clips} clips in {packed.shards} shards{waiting}; in {output}")
    for id in packed.lost:
        path = results.store.path(name_of_result(id))
        complain(f"{path}: is missing, or not what was recorded; run the batch again")
    if packed.lost:
        raise typer.Exit(1)


def _layout(shards: Shards | None, clips: int | None) -> Layout | None:
    from skelstream.batch.shards.layout import Layout

    if shards is None:
        if clips is not None:
            raise typer.BadParameter("say which shards too: --shards", param_hint="--clips-per-shard")
        return None
    return Layout(shards.value, clips or 1000)


def _submit(job: Job, tasks: int, workers: int | None, slurm: list[str]) -> None:
    """Submits an array, which goes on by itself; without Slurm its tasks run here, and are waited for."""
    from skelstream.batch.engines.slurm import failures, submit

    if wrong := [text for text in slurm if "=" not in text]:
        raise typer.BadParameter(f"{wrong[0]!r} is not like timeout_min=600", param_hint="--slurm")
    named = (text.split("=", 1) for text in slurm)
    parameters = {name: int(value) if value.isdecimal() else value for name, value in named}
    jobs = submit(job, tasks, workers, parameters)
    say(
        f"{len(jobs)} tasks are submitted, as {jobs[0].job_id} and so on; their logs are in {job.results.store.jobs()}"
    )
    if type(jobs[0]).__name__ != "SlurmJob":
        say("there is no Slurm here: they run on this machine")
        failed = failures(jobs)
        say(f"all have ended, and {failed} clips failed")
        raise typer.Exit(bool(failed))
    say(f"see how far they are with: skelstream batch status {job.results.place}")


def _do(
    clips: list[Clip], job: Job, engine: Engine, workers: int | None, address: str | None, quiet: bool
) -> None:
    """Has the clips done, shows how it goes, and sums up."""
    import time
    from contextlib import closing

    from skelstream.batch.plan import make_plan
    from skelstream.batch.records import FAILED
    from skelstream.batch.results import name_of_result

    from .progress import ClipProgress

    with ClipProgress("verifying what is done", len(clips), quiet) as progress:
        plan = make_plan(clips, job.results, job.hash, progress.advance)
    for clip in plan.damaged:
        warn(f"{job.results.store.path(name_of_result(clip.id))}: is not what was recorded; it is done again")
    counts: Counter[str] = Counter(done=0, failed=0, elsewhere=0)
    began = time.monotonic()
    try:
        with (
            ClipProgress("extracting", len(plan.todo), quiet) as progress,
            closing(_news(plan, job, engine, workers, address, quiet)) as news,
        ):
            for clip, record in news:
                progress.advance()
                if record is None:
                    counts["elsewhere"] += 1
                elif record.state == FAILED:
                    counts["failed"] += 1
                    complain(f"{clip.id}: {record.message}")
                else:
                    counts["done"] += 1
    except BaseException as error:
        told = f"{plan.done + counts['done']} of {len(clips)} clips are done, and the same command goes on from there"
        error.add_note(told)
        raise
    if not quiet:
        seconds = time.monotonic() - began
        pace = f" ({counts['done'] / seconds:.2f} clips/s)" if counts["done"] else ""
        others = f"{counts['elsewhere']} with another process, " if counts["elsewhere"] else ""
        left = f", {plan.failed} that failed before are left" if plan.failed else ""
        say(
            f"{counts['done']} extracted{pace}, {plan.done} there already, {others}{counts['failed']} failed{left};"
            f" in {job.results.place}"
        )
    if counts["failed"] or plan.failed:
        raise typer.Exit(1)


def _news(
    plan: Plan, job: Job, engine: Engine, workers: int | None, address: str | None, quiet: bool
) -> Generator[tuple[Clip, Record | None], None, None]:
    """Each clip once it is through, with its record."""
    from skelstream.batch.shards.packing import packed

    if engine is Engine.ray:
        from skelstream.batch.engines.ray import run_ray

        news = run_ray(plan, job, workers, address, (lambda _: None) if quiet else say)
    else:
        from skelstream.batch.engines.local import run_local
        from skelstream.batch.engines.slots import places

        news = run_local(plan, job, places(workers, job.settings.estimator.device))
    return packed(news, job.results, job.hash, plan.todo)


def _duration(seconds: float) -> str:
    """Like 3 d 04:05:06."""
    days, rest = divmod(round(seconds), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock
