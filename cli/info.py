"""``skelstream info``: a summary of a skeleton file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .messages import counted, plain, stdout_console
from .options import ClipName, Debug, Skeletons

if TYPE_CHECKING:
    from rich.table import Table

    from skelstream.sequences import SkeletonSequence

_SHADES = " ░▒▓█"
_TIMELINE_CELLS = 40
# Cells of the timeline and of the names beside it: a row fits into 80 columns.
_WITH_NAMES, _WIDEST_NAME = 22, 18
_MAX_TRACKS = 20


def info(
    skeletons: Skeletons,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    every_track: Annotated[
        bool, typer.Option("--all", help=f"Show all tracks, not only the {_MAX_TRACKS} most important ones.")
    ] = False,
    clip: ClipName = None,
    debug: Debug = False,
) -> None:
    """Summarise a skeleton file: video, times, tracks, joints.

    [bold]skelstream info skeletons.npz[/]
    [bold]skelstream info skeletons.npz --json | jq '.tracks[].id'[/]
    """
    from skelstream.formats import read
    from skelstream.processing import with_identities
    from skelstream.sequences.summary import summary
    from skelstream.skeleton import part_of

    sequence = with_identities(read(skeletons, clip=clip))
    facts = summary(sequence)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return

    console = stdout_console(highlight=False)
    console.print(f"[bold]{plain(skeletons.name)}[/]")
    console.print(_video(facts))
    if facts["tracks"]:
        console.print(_tracks(sequence, facts["tracks"], len(sequence) if every_track else _MAX_TRACKS))
        body = [joint for joint in facts["joints"] if part_of(joint["name"]) == "body"]
        console.print(_joints(body, facts["parts"]))


def _video(facts: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    size = f"{facts['width']} x {facts['height']}" if facts["width"] else "size unknown"
    rotation = f", rotated by {facts['rotation']} degrees" if facts["rotation"] else ""
    table.add_row("video", plain(f"{facts['source']}, {size}{rotation}"))
    failed = f", {facts['frames_failed']} failed to decode" if facts["frames_failed"] else ""
    shots = f", {facts['shots']} shots" if facts["shots"] > 1 else ""
    table.add_row("frames", f"{facts['frames']}, {facts['frames_empty']} without people{failed}{shots}")
    if facts["frames"]:
        rate = f", {facts['fps']:.3g} per second" if facts["fps"] else ""
        table.add_row("time", f"{facts['start']:.2f} to {facts['end']:.2f} s{rate}{_intervals(facts)}")
    cleaned = f", filled or smoothed ({facts['filled']:.1%} of joints filled)" if facts["cleaned"] else ""
    linked = f" joined from {facts['tracklets']} tracklets" if facts["tracklets"] else ""
    table.add_row(
        "people",
        f"{counted(len(facts['tracks']), 'track')}{linked},"
        f" at most {facts['people_at_once']} at once{cleaned}",
    )
    weights = f", weights {facts['weights_sha256'][:12]}" if facts["weights_sha256"] else ""
    refiner = f", refined by {facts['refiner']}" if facts["refiner"] else ""
    table.add_row(
        "joints", plain(f"{facts['skeleton']}, by {facts['model'] or 'an unknown model'}{weights}{refiner}")
    )
    if facts["rows_lifted"] is not None:
        table.add_row("3D", f"{facts['rows_lifted']:,} of {facts['rows']:,} poses lifted")
    for warning in facts["warnings"]:
        table.add_row("warning", plain(warning))
    return table


def _intervals(facts: dict[str, Any]) -> str:
    """Return text about a variable frame interval; empty for a constant one."""
    if not facts["longest_step"] or facts["longest_step"] < 1.5 * facts["shortest_step"]:
        return ""
    return f", {facts['shortest_step'] * 1000:.0f} to {facts['longest_step'] * 1000:.0f} ms apart"


def _tracks(sequence: SkeletonSequence, tracks: list[dict[str, Any]], shown: int) -> Table:
    from rich.table import Table

    from skelstream.sequences.summary import timeline

    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("track", "seconds", "frames", "score", "joints"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{sequence.frame_time[0]:.1f} s … {sequence.frame_time[-1]:.1f} s", no_wrap=True)
    named = any(facts["name"] for facts in tracks)
    if named:
        table.add_column("name", no_wrap=True, max_width=_WIDEST_NAME)
    for track, facts in list(zip(sequence, tracks, strict=True))[:shown]:
        shares = timeline(track, sequence.frame_time, _WITH_NAMES if named else _TIMELINE_CELLS)
        # Round up, so that the briefest presence is visible.
        bar = "".join(_SHADES[int(-(-share * (len(_SHADES) - 1) // 1))] for share in shares)
        table.add_row(
            str(facts["id"]), f"{facts['start']:.1f}–{facts['end']:.1f}", str(facts["frames"]),
            f"{facts['mean_score']:.2f}", f"{facts['joints']:.0%}", f"[cyan on grey15]{bar}[/]",
            *([plain(facts["name"] or "")] if named else []),
        )  # fmt: skip
    if len(tracks) > shown:
        table.add_row("…", f"{len(tracks) - shown} more", "", "", "", "[dim]show with --all[/]")
    return table


def _joints(body: list[dict[str, Any]], parts: list[dict[str, Any]]) -> Table:
    """Return a row for each joint of the body and for each other part."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("joint")
    table.add_column("found", justify="right")
    table.add_column("score", justify="right")
    table.add_column("")
    named = [{**part, "name": f"{part['name'].replace('_', ' ')}, {part['joints']} joints"} for part in parts]
    for joint in (*body, *named):
        bar = "█" * round(joint["coverage"] * _TIMELINE_CELLS / 2)
        table.add_row(
            joint["name"], f"{joint['coverage']:.0%}", f"{joint['mean_score']:.2f}", f"[green]{bar}[/]"
        )
    return table
