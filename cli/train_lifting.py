"""``skelstream train-lifting``: training of a lifting network on motion capture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import say
from .options import Debug, Device

if TYPE_CHECKING:
    from skelstream.training.lifting.loop import LiftingProgress
    from skelstream.training.lifting.runner import LiftingEvent

_LINE_EVERY = 60.0  # seconds


def train_lifting(
    mocap: Annotated[
        Path, typer.Argument(help="Motion capture: .npz with train/ACTION/CLIP and test/ACTION/CLIP.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the run to this folder.")],
    frames: Annotated[int, typer.Option(help="Set frames per window: 27, 81 or 243.")] = 27,
    channels: Annotated[int, typer.Option(min=8, help="Set the number of channels.")] = 480,
    causal: Annotated[
        bool,
        typer.Option("--causal", help="Lift the last frame of a window, for streams, not the middle one."),
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="Train for this many steps.")] = 20_000,
    minutes: Annotated[
        float, typer.Option(min=0, help="Train for this many minutes instead of --steps; 0: use --steps.")
    ] = 0.0,
    batch: Annotated[int, typer.Option(min=2, help="Set windows per step.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Set the seed of weights and windows.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the output folder.")] = False,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Train a lifting network on motion capture.

    [bold]skelstream train-lifting mocap.npz -o runs/lift --minutes 5[/]

    Bodies get random proportions and poses, random cameras, and typical
    errors of pose estimators. At the end the weights are measured on the
    file's test clips. Ctrl-C saves a training checkpoint, and --resume
    continues from it.
    """
    from skelstream.network.lifting import LiftingConfig
    from skelstream.training.lifting import LiftingRecipe, run

    network = LiftingConfig(frames=frames, channels=channels, causal=causal)
    recipe = LiftingRecipe(network, steps=steps, minutes=minutes, batch=batch, seed=seed)
    with _Display() as display:
        for event in run(mocap, output, recipe, resume=resume, device=device):
            display.show(event)
    if not display.finished:
        from . import INTERRUPTED

        raise typer.Exit(INTERRUPTED)


class _Display:
    """A display of a run's events: a progress bar on a terminal, else one line per minute."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.finished = False
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeRemainingColumn(compact=True),
        )
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("first step", total=1.0)
        self._line_at = time.monotonic()

    def __enter__(self) -> _Display:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: LiftingEvent) -> None:
        """Show an event of a run."""
        from skelstream.training.lifting.loop import LiftingProgress
        from skelstream.training.lifting.runner import LiftingFinished, LiftingInterrupted, LiftingStarted

        match event:
            case LiftingStarted():
                self._console.print(
                    f"{event.train_clips} clips, {event.train_frames:,} frames to train on;"
                    f" {event.test_clips} clips to measure on; on {event.device}, from step {event.step:,}"
                )
                self._bar.start()
            case LiftingProgress():
                self._show_step(event)
            case LiftingInterrupted():
                self._bar.stop()
                say(f"stopped at step {event.step:,}; continue with the same command and --resume")
            case LiftingFinished():
                self._bar.stop()
                self.finished = True
                for name, value in event.figures.items():
                    self._console.print(f"  {name}: {value:.1f} mm", markup=False)
                say(f"wrote {event.weights}")

    def _show_step(self, step: LiftingProgress) -> None:
        text = f"step {step.step:,} {step.loss:.0f} mm {step.speed:,.0f} windows/s"
        self._bar.update(self._task, completed=step.done, description=text)
        if not self._console.is_terminal and time.monotonic() - self._line_at >= _LINE_EVERY:
            self._line_at = time.monotonic()
            self._console.print(f"{step.done:.0%} {text}")
