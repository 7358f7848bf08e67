"""Training runs and data checks as iterators of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skelstream.errors import FormatError
from skelstream.interrupts import interrupts
from skelstream.training.annotations import AnnotatedImage, AnnotatedSet, Fault, Problem, read_set
from skelstream.training.detected_people import DetectedPeople, detect_people, read_detections
from skelstream.training.distributed import default_workers, processes
from skelstream.training.events import (
    CheckEvent,
    DetectionProgress,
    EvaluationSetDescribed,
    ImagesChecked,
    SetDescribed,
    Started,
    TrainingEvent,
)
from skelstream.training.image_store import check_images, ignored_orientations
from skelstream.training.initial_weights import load_initial_weights
from skelstream.training.loop import Trainer
from skelstream.training.recipe import Recipe
from skelstream.training.recipe_file import find_recipe, read_recipe
from skelstream.training.run_folder import RunFolder
from skelstream.training.session import Cadence, Session
from skelstream.training.validation import Validation


@dataclass(frozen=True)
class TrainingOptions:
    """Start, length and place of a training run.

    Attributes:
        start: file of initial weights, see `load_initial_weights`; None for random weights.
        resume: continue the run in the output folder.
        branch: training checkpoint of another run to begin with; None for a new run.
        samples: number of samples to see; None for the recipe's.
        minutes: training time in minutes, instead of a number of samples; None for the recipe's.
        evaluate_every: number of samples between evaluations; None for the recipe's, 0 for no evaluation.
        precision: ``auto``, ``bfloat16``, ``float16`` (CUDA) or ``float32``; None for the recipe's.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        workers: number of processes that make samples; None for one per core that is left.
    """

    start: Path | None = None
    resume: bool = False
    branch: Path | None = None
    samples: int | None = None
    minutes: float | None = None
    evaluate_every: int | None = None
    precision: str | None = None
    device: str = "auto"
    workers: int | None = None


def run(
    recipe: str | Path | Recipe, data: Path, output: Path, options: TrainingOptions | None = None
) -> Iterator[TrainingEvent]:
    """Train a network, and write training checkpoints, curves and weights to a folder.

    Ctrl-C and SIGTERM end the run after the current step; closing the iterator does too. In each case a
    training checkpoint is saved from which the run resumes. Under ``torchrun`` every process must exhaust the
    iterator; only the first one yields anything but the last event.

    Args:
        recipe: name of a packaged recipe, a recipe file, or a recipe.
        data: folder that the paths in a named recipe or a recipe file start from.
        output: folder of the run.
        options: start, length and place of the run; None for a new run by the recipe alone.

    Yields:
        What happens; last `Finished` or `Interrupted`.

    Raises:
        FormatError: the recipe or a set cannot be used.
        ModelError: the initial weights or the training checkpoint do not fit, or the device does not support
            the recipe.
        OutputError: the folder holds another run, or a file cannot be written.
    """
    options = options or TrainingOptions()
    settings = _settings(recipe, data, options)
    folder = RunFolder(output)
    with processes(options.device) as (group, device):
        if group.first:
            folder.prepare(options.resume, options.branch)
        evaluation = settings.evaluation if options.evaluate_every != 0 else None
        validation = Validation(evaluation) if evaluation and group.first else None
        resumes = options.resume or options.branch is not None
        initial = None if resumes else load_initial_weights(options.start, settings.network, settings.seed)
        sets = [read_set(config) for config in settings.sets]
        detections = None
        if settings.needs_detection:
            if group.first:
                yield from _detect(settings, sets, folder, str(device))
            group.wait()
            detections = _detections(sets, folder)
        workers = default_workers() if options.workers is None else options.workers
        trainer = Trainer(settings, device, initial, workers, group, sets, detections)
        if resumes:
            group.wait()
            trainer.resume(folder.checkpoint)
        if group.first:
            yield from _announce(trainer)
        session = Session(trainer, folder, validation, Cadence(evaluate=_interval(settings, options)))
        with interrupts() as interrupted:
            yield from session.events(interrupted)


def check(recipe: str | Path | Recipe, data: Path, workers: int | None = None) -> Iterator[CheckEvent]:
    """Read all images and labels of a recipe, and train nothing.

    Args:
        recipe: name of a packaged recipe, a recipe file, or a recipe.
        data: folder that the paths in a named recipe or a recipe file start from.
        workers: number of threads that read images; None for one per core that is left.

    Yields:
        Progress and a description of each set.

    Raises:
        FormatError: the recipe or a set cannot be used.
        SourceError: images of the evaluation set are missing.
    """
    settings = _settings(recipe, data, TrainingOptions())
    workers = default_workers() if workers is None else workers
    for config in settings.sets:
        annotated = read_set(config)
        good: list[AnnotatedImage] = []
        ignored: list[Problem] = []
        broken: list[Problem] = []
        checked = check_images(annotated.images, workers)
        for done, (image, problem) in enumerate(zip(annotated.images, checked, strict=True), 1):
            if problem is not None:
                (ignored if problem.fault is Fault.ORIENTATION_IGNORED else broken).append(problem)
            if problem is None or problem.fault is Fault.ORIENTATION_IGNORED:
                good.append(image)
            yield ImagesChecked(config.annotations, done, len(annotated.images))
        usable = replace(annotated, images=good, problems=annotated.problems + broken)
        yield _description(usable, ignored)
        if not good:
            raise FormatError(f"{config.annotations}: none of its images can be read")
    if settings.evaluation:
        validation = Validation(settings.evaluation)
        yield EvaluationSetDescribed(settings.evaluation.annotations, len(validation.coco_set.images))


def _settings(recipe: str | Path | Recipe, data: Path, options: TrainingOptions) -> Recipe:
    named = {"samples": options.samples, "minutes": options.minutes, "precision": options.precision}
    changed = {name: value for name, value in named.items() if value is not None}
    if isinstance(recipe, Recipe):
        return replace(recipe, **changed)
    return read_recipe(find_recipe(str(recipe)), data, changed)


def _interval(recipe: Recipe, options: TrainingOptions) -> int:
    """Return the number of samples between evaluations, or between images of predictions without them."""
    if options.evaluate_every is not None:
        return options.evaluate_every
    return recipe.evaluation.every if recipe.evaluation else Cadence.evaluate


def _detect(
    recipe: Recipe, sets: list[AnnotatedSet], folder: RunFolder, device: str
) -> Iterator[DetectionProgress]:
    """Detect people in the images of all sets, unless the folder has their file already."""
    if folder.detections.exists():
        return
    images = [annotated.images for annotated in sets]
    total = sum(map(len, images))
    yield DetectionProgress(0, total)
    for done in detect_people(folder.detections, recipe.detection, images, device):
        yield DetectionProgress(done, total)


def _detections(sets: list[AnnotatedSet], folder: RunFolder) -> list[list[DetectedPeople]]:
    return read_detections(folder.detections, [len(annotated.images) for annotated in sets])


def _announce(trainer: Trainer) -> Iterator[SetDescribed | Started]:
    for annotated in trainer.sets:
        yield _description(annotated, ignored_orientations(annotated.images))
    yield Started(
        trainer.recipe,
        str(trainer.device),
        trainer.processes.count,
        trainer.precision,
        trainer.sample,
        trainer.origin,
    )


def _description(annotated: AnnotatedSet, ignored: list[Problem]) -> SetDescribed:
    people = sum(len(image.keypoints) for image in annotated.images)
    return SetDescribed(
        annotated.config.annotations, len(annotated.images), people, tuple(annotated.problems), tuple(ignored)
    )
