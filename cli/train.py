"""``skelstream train``: training of a network on annotated images."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import complain, say
from .options import Debug, Device

if TYPE_CHECKING:
    from skelstream.training.annotations import Problem
    from skelstream.training.events import (
        CheckEvent,
        Evaluated,
        SetDescribed,
        Started,
        StepDone,
        TrainingEvent,
    )


def train(
    recipe: Annotated[str, typer.Argument(help="Recipe's name, or recipe file (TOML).")],
    data: Annotated[Path, typer.Option(help="Resolve the recipe's paths from this folder.")] = Path("."),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the run to this folder.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Start from these weights: .safetensors, MoveNet MultiPose's .json, HRNet's .pth or"
            " PP-TinyPose's .xml."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run in the output folder; --samples changes its end."),
    ] = False,
    branch: Annotated[
        Path | None,
        typer.Option(help="Start from a copy of another run's training checkpoint."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check all data without training.")] = False,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Train on this many samples. Default: the recipe's.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Train for this many minutes instead of samples.")
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(min=0, help="Evaluate every N samples; 0: never. Default: the recipe's."),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Train in auto, bfloat16, float16 (CUDA) or float32. Default: the recipe's."),
    ] = None,
    device: Device = "auto",
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Set processes that prepare samples. Default: one per spare core."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train a network by a recipe.

    [bold]skelstream train RECIPE --data coco/ -o runs/one[/]
    [bold]torchrun --nproc-per-node 4 --no-python skelstream train ...[/]  several GPUs

    Ctrl-C saves a training checkpoint, and --resume continues from it.
    """
    from skelstream.training import TrainingOptions, run
    from skelstream.training import check as check_data

    with _Display() as display:
        if check:
            for event in check_data(recipe, data, workers):
                display.show_check(event)
            return
        if output is None:
            raise typer.BadParameter("give a folder for the run", param_hint="--output")
        options = TrainingOptions(
            start, resume, branch, samples, minutes, evaluate_every, precision, device, workers
        )
        for event in run(recipe, data, output, options):
            display.show(event)
    if not display.finished:
        from . import INTERRUPTED

        raise typer.Exit(INTERRUPTED)


class _Display:
    """The events of a run or a check: a live bar on a terminal, else a line per minute.

    Attributes:
        finished: whether the run reached its end.
    """

    LINE_EVERY = 60.0  # seconds

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.finished = False
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        hidden = not self._console.is_terminal
        self._images = Progress(console=self._console, transient=True, disable=hidden)
        self._images_task = self._images.add_task("images")
        columns = (
            TextColumn("{task.fields[samples]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}"),
        )
        self._steps = Progress(*columns, console=self._console, disable=hidden, speed_estimate_period=120)
        self._steps_task = self._steps.add_task("first step", total=1.0, speed="- images/s", samples="")
        # Under torchrun only the first process receives this event; the others show nothing.
        self._started: Started | None = None
        self._score, self._losses, self._line_at = "", {}, 0.0

    def __enter__(self) -> _Display:
        return self

    def __exit__(self, *_: object) -> None:
        self._images.stop()
        self._steps.stop()

    def show(self, event: TrainingEvent) -> None:
        """Show an event of a run."""
        from skelstream.training import events

        match event:
            case events.DetectionProgress(done=0):
                self._print(f"detection in {event.total:,} images")
            case events.DetectionProgress():
                self._show_images("detection", event.done, event.total)
            case events.SetDescribed():
                self._describe(event, "; --check examines all images")
            case events.Started():
                self._begin(event)
            case events.ImageReplaced():
                self._print(f"replaced by the next image: {event.message}")
            case events.Evaluated():
                self._show_score(event)
            case events.StepDone():
                self._show_step(event)
            case events.Interrupted() if self._started:
                self._steps.stop()
                complain(
                    f"stopped at sample {event.sample:,}; continue with the same command and --resume"
                    f" (training checkpoint: {event.checkpoint})"
                )
            case events.Finished():
                self._steps.stop()
                self.finished = True
                if self._started:
                    metric = self._started.recipe.evaluation and self._started.recipe.evaluation.metric
                    best = f", the best by {metric} in {event.best}" if event.best else ""
                    say(f"wrote {event.weights}{best}")

    def show_check(self, event: CheckEvent) -> None:
        """Show an event of a check."""
        from skelstream.training import events

        match event:
            case events.ImagesChecked():
                self._show_images(event.annotations.name, event.done, event.total)
            case events.SetDescribed():
                self._describe(event, names=20)
            case events.EvaluationSetDescribed():
                self._print(f"{event.annotations}: {event.images:,} images to evaluate on")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False)

    def _show_images(self, title: str, done: int, total: int) -> None:
        self._images.start()
        self._images.update(self._images_task, description=title, completed=done, total=total)

    def _describe(self, event: SetDescribed, more: str = "", names: int = 3) -> None:
        self._images.stop()
        self._print(f"{event.annotations}: {event.images:,} images, {event.people:,} people")
        self._list("left out: ", event.left_out, "", names)
        self._list("", event.ignored_orientations, more, names)

    def _list(self, before: str, problems: Iterable[Problem], after: str, names: int) -> None:
        from skelstream.training.annotations import summary

        for line in summary(problems, names):
            self._print(f"  {before}{line}{after}")

    def _begin(self, event: Started) -> None:
        self._started, recipe = event, event.recipe
        length = f"{recipe.minutes:g} minutes" if recipe.minutes else f"{recipe.total:,} samples"
        processes = f" x {event.processes}" if event.processes > 1 else ""
        begun = f"resumed at sample {event.sample:,}" if event.sample else f"from {event.origin}"
        self._print(f"{recipe.name}: {length} on {event.device}{processes}, {event.precision}, {begun}")
        self._steps.start()

    def _show_score(self, event: Evaluated) -> None:
        self._score = f"{event.metric} {event.result.figures[event.metric]:.1f}"
        self._print(f"sample {event.sample:,}: {self._score} on {event.result.images} images")

    def _show_step(self, event: StepDone) -> None:
        step = event.progress
        self._losses = event.losses or self._losses
        losses = " ".join(f"{name} {value:.3f}" for name, value in self._losses.items())
        text = f"{losses} rate {step.rate:.2e} {self._score}"
        samples, speed = f"{step.samples:,}", f"{step.speed:.1f} images/s"
        self._steps.update(
            self._steps_task, completed=step.done, description=text, speed=speed, samples=samples
        )
        due = time.monotonic() - self._line_at >= self.LINE_EVERY
        if not self._console.is_terminal and event.losses and due:
            self._line_at = time.monotonic()
            left = step.seconds * (1 - step.done) / step.done
            hours = f"{left / 3600:.1f} h left" if left >= 3600 else f"{left / 60:.0f} min left"
            self._print(f"{samples} ({step.done:.0%}) {speed} {hours} {text}")
