"""Events of a training run and of a check of its data, in the order in which they happen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skelstream.training.annotations import Problem
    from skelstream.training.loop import Progress
    from skelstream.training.recipe import Recipe
    from skelstream.training.validation import ValidationResult


@dataclass(frozen=True)
class ImagesChecked:
    """Some images of a training set were read; only from ``check``.

    Attributes:
        annotations: the set's annotation file.
        done: number of images read so far.
        total: number of images of the set.
    """

    annotations: Path
    done: int
    total: int


@dataclass(frozen=True)
class SetDescribed:
    """A training set was read.

    Attributes:
        annotations: the set's annotation file.
        images: number of usable images.
        people: number of labelled people in them.
        left_out: images and annotations that cannot be used.
        ignored_orientations: images whose Exif orientation is not applied; ``check`` examines all images, a
            run only some of them.
    """

    annotations: Path
    images: int
    people: int
    left_out: tuple[Problem, ...]
    ignored_orientations: tuple[Problem, ...]


@dataclass(frozen=True)
class EvaluationSetDescribed:
    """The evaluation set was read; only from ``check``.

    Attributes:
        annotations: the set's annotation file.
        images: number of images.
    """

    annotations: Path
    images: int


@dataclass(frozen=True)
class DetectionProgress:
    """Detection, which the top-down network needs before training, has processed some images.

    Attributes:
        done: number of images processed so far; 0 at the beginning.
        total: number of images of all training sets.
    """

    done: int
    total: int


@dataclass(frozen=True)
class Started:
    """Training begins, or resumes.

    Attributes:
        recipe: the run's settings.
        device: the device of the network, such as ``cuda:0``.
        processes: number of training processes.
        precision: number format of the network's arithmetic.
        sample: number of samples seen before; 0 for a new run.
        origin: initial weights, for people to read.
    """

    recipe: Recipe
    device: str
    processes: int
    precision: str
    sample: int
    origin: str


@dataclass(frozen=True)
class ImageReplaced:
    """An image could not be read; the next image of its set took its place.

    Attributes:
        message: the file and the reason.
    """

    message: str


@dataclass(frozen=True)
class Evaluated:
    """The averaged weights were scored on the evaluation set.

    Attributes:
        sample: number of samples seen so far.
        metric: name of the figure that decides which weights are the best.
        result: the figures.
    """

    sample: int
    metric: str
    result: ValidationResult


@dataclass(frozen=True)
class CheckpointWritten:
    """A training checkpoint was written.

    Attributes:
        sample: number of samples seen so far.
        path: the training checkpoint.
    """

    sample: int
    path: Path


@dataclass(frozen=True)
class StepDone:
    """An optimiser step was done.

    Attributes:
        progress: where the run stands.
        losses: smoothed losses by name; empty except in steps that add a row to the table of losses.
    """

    progress: Progress
    losses: dict[str, float]


@dataclass(frozen=True)
class Finished:
    """The run reached its end; the last event.

    Attributes:
        sample: number of samples seen.
        weights: file of the averaged weights.
        best: file of the weights with the best figure, or None if the recipe has no evaluation set.
    """

    sample: int
    weights: Path
    best: Path | None


@dataclass(frozen=True)
class Interrupted:
    """The run was interrupted and can be resumed; the last event.

    Attributes:
        sample: number of samples seen so far.
        checkpoint: the training checkpoint to resume from.
    """

    sample: int
    checkpoint: Path


SessionEvent = ImageReplaced | Evaluated | CheckpointWritten | StepDone | Finished | Interrupted
CheckEvent = ImagesChecked | SetDescribed | EvaluationSetDescribed
TrainingEvent = SetDescribed | DetectionProgress | Started | SessionEvent
