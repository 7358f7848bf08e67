"""``skelstream train-lifting``: weights that lift to 3D, from motion capture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .messages import say
from .options import Debug

_SAVE_EVERY = 60.0  # seconds


def train_lifting(
    mocap: Annotated[
        Path, typer.Argument(help="Motion capture: .npz of train/ACTION/CLIP and test/ACTION/CLIP.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the run.")],
    frames: Annotated[int, typer.Option(help="Frames that the network looks at: 27, 81 or 243.")] = 27,
    channels: Annotated[int, typer.Option(min=8, help="Of its layers.")] = 480,
    causal: Annotated[bool, typer.Option("--causal", help="Give the last frame, for streams.")] = False,
    steps: Annotated[int, typer.Option(min=1, help="Steps to train.")] = 20_000,
    minutes: Annotated[
        float, typer.Option(min=0, help="Minutes to train, instead of a number of steps.")
    ] = 0.0,
    batch: Annotated[int, typer.Option(min=2, help="Windows a step.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and windows.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the output folder.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    debug: Debug = False,
) -> None:
    """Train a network that lifts to 3D; Ctrl-C saves a checkpoint that --resume goes on with.

    [bold]skelstream train-lifting mocap.npz -o runs/lift --minutes 5[/]

    Bodies of motion capture get other proportions and poses, random cameras, and the errors of our own networks.
    At the end the weights are measured on the file's test clips.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from skelstream.errors import OutputError
    from skelstream.network.lifting import LiftingConfig
    from skelstream.runtimes.device import choose_device
    from skelstream.training.interrupts import interrupts
    from skelstream.training.lifting.loop import LiftingProgress, LiftingTrainer
    from skelstream.training.lifting.measuring import measure
    from skelstream.training.lifting.mocap import read_mocap
    from skelstream.training.lifting.recipe import LiftingRecipe
    from skelstream.training.lifting.writing import write_weights

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    network = LiftingConfig(frames=frames, channels=channels, causal=causal)
    recipe = LiftingRecipe(network, steps=steps, minutes=minutes, batch=batch, seed=seed)
    train, test = read_mocap(mocap, "train"), read_mocap(mocap, "test")
    checkpoint, weights = output / "checkpoint.pt", output / "weights.safetensors"
    if not resume and (checkpoint.exists() or weights.exists()):
        raise OutputError(f"{output}: has a run already; go on with --resume, or give another folder")
    output.mkdir(parents=True, exist_ok=True)
    trainer = LiftingTrainer(recipe, train, choose_device(device))
    if resume:
        trainer.resume(checkpoint)
    console.print(
        f"{len(train)} clips, {len(train.bones):,} frames to train on; {len(test)} clips to measure with;"
        f" on {trainer.device}, from step {trainer.step:,}"
    )
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeRemainingColumn(compact=True))
    saved = said = time.monotonic()
    with (
        interrupts() as interrupted,
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("first step", total=1.0)

        def report(now: LiftingProgress) -> bool:
            nonlocal saved, said
            text = f"step {now.step:,} {now.loss:.0f} mm {now.speed:,.0f} windows/s"
            bar.update(task, completed=now.done, description=text)
            if time.monotonic() - saved >= _SAVE_EVERY:
                saved = time.monotonic()
                trainer.save(checkpoint)
            if not console.is_terminal and time.monotonic() - said >= _SAVE_EVERY:
                said = time.monotonic()
                console.print(f"{now.done:.0%} {text}")
            return interrupted()

        done = trainer.run(report)
    trainer.save(checkpoint)
    if not done:
        from . import INTERRUPTED

        say(f"stopped at step {trainer.step:,}; go on with the same command and --resume")
        raise typer.Exit(INTERRUPTED)
    figures = measure(trainer.averaged(), test, train, recipe.errors)
    write_weights(weights, trainer, mocap, figures)
    for name, value in figures.items():
        console.print(f"  {name}: {value:.1f} mm", markup=False)
    say(f"wrote {weights}")
