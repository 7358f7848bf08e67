"""``skelstream train``: a network from annotated images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import say
from .options import Debug

if TYPE_CHECKING:
    from rich.console import Console

    from skelstream.training.annotations import AnnotatedSet
    from skelstream.training.detected_people import Found
    from skelstream.training.loop import Trainer
    from skelstream.training.recipe import Recipe
    from skelstream.training.run import News, RunFolder


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a packaged recipe, or a recipe file (TOML).")],
    data: Annotated[Path, typer.Option(help="Folder that the recipe's paths start from.")] = Path("."),
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder of the run.")] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Initial weights: a weights file (.safetensors), MoveNet MultiPose's .json, EfficientNet-Lite0's .pth,"
            " PP-TinyPose's .xml."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in the output folder, with --samples to another end."
        ),
    ] = False,
    branch: Annotated[
        Path | None,
        typer.Option(
            help="Begin with a copy of this checkpoint of another run, to bring it to an end of its own."
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Look through all data and train nothing.")] = False,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Samples to see, instead of the recipe's.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Minutes to train, instead of a number of samples.")
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(min=0, help="Samples between evaluations, instead of the recipe's; 0 for none at all."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto, bfloat16, float16 (CUDA) or float32, instead of the recipe's.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that make samples; by default one a core that is left."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train a network by a recipe; Ctrl-C saves a checkpoint that --resume goes on with.

    For several GPUs: torchrun --nproc-per-node 4 --no-python skelstream train ...
    """
    from rich.console import Console

    from skelstream.training.annotations import read_set
    from skelstream.training.distributed import default_workers, processes
    from skelstream.training.initial_weights import start_weights
    from skelstream.training.interrupts import interrupts
    from skelstream.training.loop import Trainer
    from skelstream.training.recipe import find_recipe, read_recipe
    from skelstream.training.run import Cadence, RunFolder, Session
    from skelstream.training.validation import Validation

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    changed = {"samples": samples, "minutes": minutes, "precision": precision}
    settings = read_recipe(find_recipe(recipe), data, {k: v for k, v in changed.items() if v is not None})
    workers = default_workers() if workers is None else workers
    if check:
        _check(settings, workers, console)
        return
    if output is None:
        raise typer.BadParameter("a run needs a folder", param_hint="--output")
    folder = RunFolder(output)
    with processes(device) as (group, place):
        if group.first:
            folder.prepare(resume, branch)
        judged = settings.evaluation if evaluate_every != 0 else None
        validation = Validation(judged) if judged and group.first else None
        goes_on = resume or branch is not None
        initial = None if goes_on else start_weights(start, settings.network, settings.seed)
        sets = [read_set(config) for config in settings.sets]
        found = None
        if settings.looks_first:
            # One process looks; the others read what it found.
            found = _first_look(settings, sets, folder, str(place), console) if group.first else None
            group.wait()
            found = found or _first_look(settings, sets, folder, str(place), console)
        trainer = Trainer(
            settings,
            place,
            initial and initial.state,
            workers,
            group,
            initial.origin if initial else "",
            sets,
            found,
        )
        if goes_on:
            group.wait()
            trainer.resume(folder.checkpoint)
        every = settings.evaluation.every if settings.evaluation else Cadence.evaluate
        every = every if evaluate_every is None else evaluate_every
        session = Session(trainer, folder, validation, Cadence(evaluate=every))
        with interrupts() as interrupted, _Display(trainer, console) as display:
            done = session.run(display.tell, interrupted)
        if group.first:
            _end(done, trainer, folder)
    if not done:
        from . import INTERRUPTED

        raise typer.Exit(INTERRUPTED)


class _Display:
    """The run's progress: a live bar on a terminal, now and then a line elsewhere."""

    LINE_EVERY = 60.0  # seconds

    def __init__(self, trainer: Trainer, console: Console):
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console, self._trainer = console, trainer
        self._live = console.is_terminal and trainer.processes.first
        columns = (
            TextColumn("{task.fields[samples]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}"),
        )
        self._bar = Progress(*columns, console=console, disable=not self._live, speed_estimate_period=120)
        self._task = self._bar.add_task("first step", total=1.0, completed=0, speed="- images/s", samples="")
        self._score, self._losses, self._line_at = "", {}, 0.0

    def __enter__(self) -> _Display:
        if self._trainer.processes.first:
            _announce(self._trainer, self._console)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, news: News) -> None:
        """Shows what a step brought."""
        step = news.progress
        self._losses = news.losses or self._losses
        losses = " ".join(f"{name} {value:.3f}" for name, value in self._losses.items())
        for message in news.unreadable:
            self._console.print(f"replaced by the next image: {message}", markup=False)
        config = self._trainer.recipe.evaluation
        if news.verdict and news.verdict.figures and config:
            self._score = f"{config.metric} {news.verdict.figures[config.metric]:.1f}"
            self._console.print(f"sample {step.samples:,}: {self._score} on {news.verdict.images} images")
        text = f"{losses} rate {step.rate:.2e} {self._score}"
        speed = f"{step.speed:.1f} images/s"
        samples = f"{step.samples:,}"
        self._bar.update(self._task, completed=step.done, description=text, speed=speed, samples=samples)
        if not self._live and news.losses and time.monotonic() - self._line_at >= self.LINE_EVERY:
            self._line_at = time.monotonic()
            left = step.seconds * (1 - step.done) / step.done
            hours = f"{left / 3600:.1f} h left" if left >= 3600 else f"{left / 60:.0f} min left"
            self._console.print(f"{samples} ({step.done:.0%}) {speed} {hours} {text}")


def _announce(trainer: Trainer, console: Console) -> None:
    from skelstream.training.annotations import summary
    from skelstream.training.image_store import assumptions

    recipe = trainer.recipe
    for annotated in trainer.sets:
        _describe(annotated, console)
        for line in summary(assumptions(annotated.images)):
            console.print(f"  {line}; --check looks at all images", markup=False)
    begun = f"resumed at sample {trainer.sample:,}" if trainer.sample else f"from {trainer.origin}"
    length = f"{recipe.minutes:g} minutes" if recipe.minutes else f"{recipe.total:,} samples"
    console.print(
        f"{recipe.name}: {length} on {trainer.device}"
        f"{f' x {trainer.processes.count}' if trainer.processes.count > 1 else ''}, {trainer.precision}, {begun}"
    )


def _first_look(
    recipe: Recipe, sets: list[AnnotatedSet], folder: RunFolder, device: str, console: Console
) -> list[list[Found]]:
    """Whom a first look finds in the images of each set, with a bar while it looks."""
    from rich.progress import Progress

    from skelstream.training.detected_people import found_in

    images = [annotated.images for annotated in sets]
    if not folder.found.exists():
        console.print(f"first look at {sum(map(len, images)):,} images")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("first look at the images", total=sum(map(len, images)))
        return found_in(
            folder.found, recipe.first_look, images, lambda n: bar.update(task, completed=n), device
        )


def _describe(annotated: AnnotatedSet, console: Console, name: int = 3) -> None:
    """A set's size, and what was left out of it."""
    from skelstream.training.annotations import summary

    people = sum(len(image.keypoints) for image in annotated.images)
    console.print(
        f"{annotated.config.annotations}: {len(annotated.images):,} images, {people:,} people", markup=False
    )
    for line in summary(annotated.problems, name):
        console.print(f"  left out: {line}", markup=False)


def _check(recipe: Recipe, workers: int, console: Console) -> None:
    from dataclasses import replace

    from rich.progress import track

    from skelstream.errors import FormatError
    from skelstream.training.annotations import Fault, read_set, summary
    from skelstream.training.image_store import check_images
    from skelstream.training.validation import Validation

    for config in recipe.sets:
        annotated = read_set(config)
        looked = check_images(annotated.images, workers)
        found = list(
            track(looked, config.annotations.name, len(annotated.images), console=console, transient=True)
        )
        assumed = [problem for problem in found if problem and problem.fault is Fault.ASSUMED]
        broken = [problem for problem in found if problem and problem.fault is not Fault.ASSUMED]
        usable = [problem is None or problem.fault is Fault.ASSUMED for problem in found]
        good = [image for image, can in zip(annotated.images, usable, strict=True) if can]
        _describe(replace(annotated, images=good, problems=annotated.problems + broken), console, name=20)
        for line in summary(assumed, name=20):
            console.print(f"  {line}", markup=False)
        if not good:
            raise FormatError(f"{config.annotations}: none of its images can be read")
    if recipe.evaluation:
        validation = Validation(recipe.evaluation)
        console.print(
            f"{recipe.evaluation.annotations}: {len(validation.coco_set.images):,} images to judge by",
            markup=False,
        )


def _end(done: bool, trainer: Trainer, folder: RunFolder) -> None:
    if not done:
        typer.secho(
            f"skelstream: stopped at sample {trainer.sample:,}; go on with the same command and --resume"
            f" (checkpoint: {folder.checkpoint})",
            fg="red",
            err=True,
        )
        return
    judged = trainer.recipe.evaluation
    best = f", the best by {judged.metric} in {folder.best}" if judged and folder.best.exists() else ""
    say(f"wrote {folder.weights}{best}")
