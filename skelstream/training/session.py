"""A training session: runs a trainer, evaluates its weights and writes the files of the run's folder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skelstream.drawing.sheet import write_png
from skelstream.errors import ModelError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.network.architectures import name_of
from skelstream.network.weights import save_weights
from skelstream.settings.estimation import SIZE, EstimatorSettings
from skelstream.training.curves import CsvTable, plot
from skelstream.training.events import (
    CheckpointWritten,
    Evaluated,
    Finished,
    ImageReplaced,
    Interrupted,
    SessionEvent,
    StepDone,
)
from skelstream.training.loop import Progress, Trainer
from skelstream.training.model_card import card
from skelstream.training.run_folder import RunFolder
from skelstream.training.validation import FIGURES, Validation, ValidationResult, predictions, training_images


@dataclass(frozen=True)
class Cadence:
    """Intervals of evaluations, table rows and training checkpoints.

    Attributes:
        evaluate: number of samples between evaluations; 0 evaluates at the run's end only.
        row: number of steps between rows of the table of losses.
        checkpoint: seconds between training checkpoints.
    """

    evaluate: int = 10_000
    row: int = 20
    checkpoint: float = 180.0


class Session:
    """A trainer and the folder of its run. With several processes, only the first one writes files.

    Args:
        trainer: a new or resumed trainer.
        folder: the prepared folder.
        validation: the evaluation set, or None.
        cadence: intervals of evaluations and training checkpoints.
    """

    def __init__(self, trainer: Trainer, folder: RunFolder, validation: Validation | None, cadence: Cadence):
        self.trainer, self.folder, self.validation, self.cadence = trainer, folder, validation, cadence
        self._first = trainer.processes.first
        self._saved_at = time.monotonic()
        self._reported = 0  # unreadable images
        if self._first:
            columns = ("rate", *trainer.task.losses, "speed", "seconds")
            self._losses = CsvTable(folder.losses, columns, trainer.sample)
            self._scores = CsvTable(folder.scores, FIGURES, trainer.sample)
            self._images = (
                validation.images_to_show() if validation else training_images(trainer.sets[0].images)
            )

    def events(self, stop: Callable[[], bool] = lambda: False) -> Iterator[SessionEvent]:
        """Train to the end, or until ``stop`` returns true; a training checkpoint is written last in either
        case.

        A caller that closes the iterator early also gets a training checkpoint. With several processes, only
        the first one yields anything but the last event.

        Args:
            stop: called after every step, and after every image of an evaluation.

        Yields:
            What happens; last `Finished` or `Interrupted`.

        Raises:
            ModelError: the loss is no longer a finite number.
            OutputError: a file cannot be written.
        """
        if not self.trainer.sample:
            self._save()
        try:
            finished = yield from self._train(stop)
        except GeneratorExit:
            self._save()
            raise
        folder, sample = self.folder, self.trainer.sample
        if finished:
            best = folder.best if self.trainer.recipe.evaluation and folder.best.exists() else None
            yield Finished(sample, folder.weights, best)
        else:
            yield Interrupted(sample, folder.checkpoint)

    def _train(self, stop: Callable[[], bool]) -> Generator[SessionEvent, None, bool]:
        """Yield the events of training; return whether the run is at its end."""
        processes, stopped = self.trainer.processes, False
        for progress in self.trainer.steps():
            losses = {}
            if self._first:
                losses = self._add_losses(progress)
                yield from self._evaluate_and_save(progress, stop)
            if self._due(progress):
                processes.wait()
            if self._first:
                yield StepDone(progress, losses)
            stopped = processes.any(stop(), self.trainer.device)
            if stopped:
                break
        finished = self.trainer.finished and not stopped
        if self._first:
            # Make up for an evaluation that an interrupt cut short.
            if finished and all(row["samples"] < self.trainer.sample for row in self._scores.rows):
                yield from self._evaluated(stop)
            self._save()
            self._draw()
        processes.wait()
        return finished

    def _due(self, progress: Progress) -> bool:
        """Return whether an evaluation falls into this step."""
        batch, every = self.trainer.recipe.batch, self.cadence.evaluate
        passed = every and progress.samples // every > (progress.samples - batch) // every
        return bool(passed) or progress.done >= 1

    def _add_losses(self, progress: Progress) -> dict[str, float]:
        """Return the losses and add them to their table if this step has a row there, else return {}."""
        if progress.samples // self.trainer.recipe.batch % self.cadence.row and progress.done < 1:
            return {}
        losses = progress.losses
        if not all(math.isfinite(value) for value in losses.values()):
            raise ModelError(
                f"the loss is no longer a finite number at sample {progress.samples}: choose a lower learning"
                f" rate, or another precision than {self.trainer.precision};"
                f" {self.folder.checkpoint} is of an earlier sample"
            )
        times = {"speed": progress.speed, "seconds": progress.seconds}
        self._losses.add({"samples": progress.samples, "rate": progress.rate} | losses | times)
        return losses

    def _evaluate_and_save(self, progress: Progress, stop: Callable[[], bool]) -> Iterator[SessionEvent]:
        for message in self.trainer.unreadable[self._reported :]:
            yield ImageReplaced(message)
        self._reported = len(self.trainer.unreadable)
        due = self._due(progress)
        if due:
            yield from self._evaluated(stop)
        if due or time.monotonic() - self._saved_at > self.cadence.checkpoint:
            self._save()
            self._draw()
            yield CheckpointWritten(progress.samples, self.folder.checkpoint)

    def _save(self) -> None:
        if self._first:
            self.trainer.save(self.folder.checkpoint)
            if not self.trainer.cooling:
                self.trainer.save(self.folder.steady)
        self._saved_at = time.monotonic()

    def _evaluated(self, stop: Callable[[], bool]) -> Iterator[Evaluated]:
        """Write the averaged weights and an image of predictions, and score them on the evaluation set."""
        sample, config = self.trainer.sample, self.validation and self.validation.config
        self.trainer.measure_ranges()
        self._write_weights(self.folder.weights, None)
        result: ValidationResult | None = ValidationResult({}, 0)
        if self._images:
            estimator = self._estimator(config.size if config else SIZE)
            write_png(self.folder.image(sample), predictions(estimator, self._images))
            result = self.validation.score(estimator, stop) if self.validation else result
        if result is None:
            return
        if config:
            self._write_weights(self.folder.weights, result)
            if self._is_best(result.figures[config.metric], config.metric):
                self._write_weights(self.folder.best, result)
        self._scores.add({"samples": sample} | result.figures)
        if config:
            yield Evaluated(sample, config.metric, result)

    def _estimator(self, size: int) -> PoseEstimator:
        """Return an estimator with the weights, always under torch, so that figures stay comparable."""
        recipe, device, weights = self.trainer.recipe, str(self.trainer.device), str(self.folder.weights)
        settings = EstimatorSettings().with_options(device=device, size=size, runtime="torch")
        if not recipe.needs_detection:
            return PoseEstimator(settings.with_options(weights=weights, refine=0))
        if recipe.detection.weights:
            settings = settings.with_options(weights=recipe.detection.weights)
        refinement = replace(settings.refinement, weights=weights, min_joint_score=0.0)
        return PoseEstimator(replace(settings, refinement=refinement))

    def _is_best(self, figure: float, metric: str) -> bool:
        _, before = self._scores.column(metric)
        return not math.isnan(figure) and figure >= max(before, default=-math.inf)

    def _write_weights(self, path: Path, result: ValidationResult | None) -> None:
        trainer = self.trainer
        save_weights(
            path,
            trainer.average,
            name_of(trainer.recipe.network),
            trainer.recipe.network.to_dict(),
            card(trainer, self.validation, result),
        )

    def _draw(self) -> None:
        panels = [
            (f"{name} loss, smoothed", {name: self._losses.column(name)}) for name in self.trainer.task.losses
        ]
        panels.append(("learning rate", {"rate": self._losses.column("rate")}))
        if self.validation:
            metric = self.validation.config.metric
            name = self.validation.config.annotations.name
            panels.append((f"{metric} on {name}, %", {metric: self._scores.column(metric)}))
        recipe = self.trainer.recipe
        write_png(
            self.folder.curves, plot(panels, max(1, self.trainer.sample) if recipe.minutes else recipe.total)
        )
