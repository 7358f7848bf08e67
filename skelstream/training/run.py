"""A training run in a folder: its checkpoints, curves, images and weights."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from skelstream.drawing.sheet import write_png
from skelstream.errors import ModelError, OutputError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.files.atomic import replacing
from skelstream.network.architectures import name_of
from skelstream.network.weights import save_weights
from skelstream.settings.estimation import SIZE, EstimatorSettings
from skelstream.training.curves import CsvTable, plot
from skelstream.training.loop import Progress, Trainer
from skelstream.training.model_card import card
from skelstream.training.validation import FIGURES, Validation, Verdict, predictions, training_images


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps its files."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """All that the run needs to go on."""
        return self.path / "last.ckpt"

    @property
    def weights(self) -> Path:
        """The averaged weights as they were last evaluated, in the end the run's result."""
        return self.path / "weights.safetensors"

    @property
    def best(self) -> Path:
        """Those that did best on the set apart."""
        return self.path / "best.safetensors"

    @property
    def losses(self) -> Path:
        return self.path / "losses.csv"

    @property
    def scores(self) -> Path:
        return self.path / "scores.csv"

    @property
    def curves(self) -> Path:
        return self.path / "curves.png"

    @property
    def found(self) -> Path:
        """Whom a first look finds in the images."""
        return self.path / "first-look.npz"

    @property
    def steady(self) -> Path:
        """The last checkpoint before the cool-down, from which the run can be prolonged."""
        return self.path / "steady.ckpt"

    def image(self, sample: int) -> Path:
        """Predictions after so many samples."""
        return self.path / f"predictions-{sample:08d}.png"

    def prepare(self, resume: bool, branch: Path | None = None) -> None:
        """Makes the folder; never takes another run's.

        Args:
            resume: go on with the run that is there.
            branch: another run's checkpoint to begin with.

        Raises:
            OutputError: it holds a run and is not to be resumed, or the other way round, or cannot be made.
        """
        if resume and not self.checkpoint.is_file():
            raise OutputError(f"{self.path}: no {self.checkpoint.name} to resume; begin a run instead")
        if not resume and self.checkpoint.exists():
            raise OutputError(
                f"{self.path} holds a run; resume it, or choose another folder", setting="resume"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.path}: {error.strerror}") from None
        if branch:
            if not branch.is_file():
                raise OutputError(f"{branch}: no such checkpoint to branch off from")
            with replacing(self.checkpoint) as part:
                shutil.copyfile(branch, part)
            found = RunFolder(branch.parent).found
            if found.is_file():
                with replacing(self.found) as part:
                    shutil.copyfile(found, part)


@dataclass(frozen=True)
class Cadence:
    """How often things are done.

    Attributes:
        evaluate: samples from one evaluation and one image of predictions to the next; 0 for the run's end only.
        row: steps from one row of the losses' table to the next.
        checkpoint: seconds from one checkpoint to the next.
    """

    evaluate: int = 10_000
    row: int = 20
    checkpoint: float = 180.0


@dataclass(frozen=True)
class News:
    """What happened in a step besides the step.

    Attributes:
        progress: where the run stands.
        losses: smoothed, by name; empty but for steps that have a row in the table.
        verdict: of an evaluation in this step.
        saved: a checkpoint was written.
        unreadable: images that turned out unreadable, by message.
    """

    progress: Progress
    losses: dict[str, float]
    verdict: Verdict | None
    saved: bool
    unreadable: tuple[str, ...]


class Session:
    """Runs a trainer and keeps its folder. In a run of many processes, only the first one writes.

    Args:
        trainer: at the beginning of its run, or resumed.
        folder: prepared.
        validation: the set apart, or None.
        cadence: how often to evaluate and to save.
    """

    def __init__(self, trainer: Trainer, folder: RunFolder, validation: Validation | None, cadence: Cadence):
        self.trainer, self.folder, self.validation, self.cadence = trainer, folder, validation, cadence
        self._first = trainer.processes.first
        self._saved_at = time.monotonic()
        self._told = 0
        if self._first:
            columns = ("rate", *trainer.task.losses, "speed", "seconds")
            self._losses = CsvTable(folder.losses, columns, trainer.sample)
            self._scores = CsvTable(folder.scores, FIGURES, trainer.sample)
            self._images = (
                validation.images_to_show() if validation else training_images(trainer.sets[0].images)
            )

    def run(self, tell: Callable[[News], None], stop: Callable[[], bool] = lambda: False) -> bool:
        """Trains to the end, or until ``stop`` says so; either way a checkpoint is written last.

        Args:
            tell: called after every step.
            stop: asked after every step, and after every image of an evaluation.

        Returns:
            Whether the run is at its end.

        Raises:
            ModelError: the loss is no longer a number.
            OutputError: a file cannot be written.
        """
        processes, device = self.trainer.processes, self.trainer.device
        stopped = False
        if not self.trainer.sample:
            self._save()

        def after_step(progress: Progress) -> bool:
            nonlocal stopped
            news = self._keep(progress, stop) if self._first else None
            if self._due(progress):
                processes.wait()
            if news:
                tell(news)
            stopped = processes.any(stop(), device)
            return stopped

        done = self.trainer.run(after_step)
        if self._first:
            # An evaluation that an interrupt cut short is made up for when the run goes on.
            if (
                done
                and not stopped
                and all(row["samples"] < self.trainer.sample for row in self._scores.rows)
            ):
                self._evaluate(stop)
            self._save()
            self._draw()
        processes.wait()
        return done and not stopped

    def _due(self, progress: Progress) -> bool:
        """An evaluation falls into this step."""
        batch, every = self.trainer.recipe.batch, self.cadence.evaluate
        passed = every and progress.samples // every > (progress.samples - batch) // every
        return bool(passed) or progress.done >= 1

    def _keep(self, progress: Progress, stop: Callable[[], bool]) -> News:
        losses, verdict, saved = {}, None, False
        if progress.samples // self.trainer.recipe.batch % self.cadence.row == 0 or progress.done >= 1:
            losses = progress.losses
            if not all(math.isfinite(value) for value in losses.values()):
                raise ModelError(
                    f"the loss is no longer a number at sample {progress.samples}: choose a lower rate, or another"
                    f" precision than {self.trainer.precision}; {self.folder.checkpoint} is from before"
                )
            times = {"speed": progress.speed, "seconds": progress.seconds}
            self._losses.add({"samples": progress.samples, "rate": progress.rate} | losses | times)
        if self._due(progress):
            verdict = self._evaluate(stop)
        if verdict or time.monotonic() - self._saved_at > self.cadence.checkpoint:
            self._save()
            self._draw()
            saved = True
        unreadable = tuple(self.trainer.unreadable[self._told :])
        self._told = len(self.trainer.unreadable)
        return News(progress, losses, verdict, saved, unreadable)

    def _save(self) -> None:
        if self._first:
            self.trainer.save(self.folder.checkpoint)
            if not self.trainer.cooling:
                self.trainer.save(self.folder.steady)
        self._saved_at = time.monotonic()

    def _evaluate(self, stop: Callable[[], bool]) -> Verdict | None:
        """Writes the averaged weights, looks at what they find, and scores them on the set apart."""
        sample, config = self.trainer.sample, self.validation and self.validation.config
        self.trainer.measure_ranges()
        self._write_weights(self.folder.weights, None)
        verdict: Verdict | None = Verdict({}, 0)
        if self._images:
            estimator = self._estimator(config.size if config else SIZE)
            write_png(self.folder.image(sample), predictions(estimator, self._images))
            verdict = self.validation.score(estimator, stop) if self.validation else verdict
        if verdict is None:
            return None
        if config:
            self._write_weights(self.folder.weights, verdict)
            if self._is_best(verdict.figures[config.metric], config.metric):
                self._write_weights(self.folder.best, verdict)
        self._scores.add({"samples": sample} | verdict.figures)
        return verdict

    def _estimator(self, size: int) -> PoseEstimator:
        """The weights as they will be used; always under torch, so that machines' figures can stand side by side."""
        recipe, device, weights = self.trainer.recipe, str(self.trainer.device), str(self.folder.weights)
        settings = EstimatorSettings().with_options(device=device, size=size, runtime="torch")
        if not recipe.looks_first:
            return PoseEstimator(settings.with_options(weights=weights, refine=0))
        if recipe.first_look.weights:
            settings = settings.with_options(weights=recipe.first_look.weights)
        refinement = replace(settings.refinement, weights=weights, min_joint_score=0.0)
        return PoseEstimator(replace(settings, refinement=refinement))

    def _is_best(self, figure: float, metric: str) -> bool:
        _, before = self._scores.column(metric)
        return not math.isnan(figure) and figure >= max(before, default=-math.inf)

    def _write_weights(self, path: Path, verdict: Verdict | None) -> None:
        trainer = self.trainer
        save_weights(
            path,
            trainer.average,
            name_of(trainer.recipe.network),
            trainer.recipe.network.to_dict(),
            card(trainer, self.validation, verdict),
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
