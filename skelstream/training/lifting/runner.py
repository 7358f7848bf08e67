"""Training runs of a lifting network as iterators of events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import OutputError
from skelstream.interrupts import interrupts
from skelstream.runtimes.device import choose_device
from skelstream.training.lifting.loop import LiftingProgress, LiftingTrainer
from skelstream.training.lifting.measuring import measure
from skelstream.training.lifting.mocap import read_mocap
from skelstream.training.lifting.recipe import LiftingRecipe
from skelstream.training.lifting.weights_file import write_weights

_SAVE_EVERY = 60.0  # seconds


@dataclass(frozen=True)
class LiftingStarted:
    """Training begins, or resumes.

    Attributes:
        train_clips: number of clips to train on.
        train_frames: number of frames of these clips.
        test_clips: number of clips to measure on.
        device: the device of the network, such as ``cuda:0``.
        step: number of steps done before; 0 for a new run.
    """

    train_clips: int
    train_frames: int
    test_clips: int
    device: str
    step: int


@dataclass(frozen=True)
class LiftingFinished:
    """The run reached its end, and its weights are written; the last event.

    Attributes:
        step: number of steps done.
        weights: the weights file.
        figures: errors on the test clips by name, in millimetres; see `measure`.
    """

    step: int
    weights: Path
    figures: dict[str, float]


@dataclass(frozen=True)
class LiftingInterrupted:
    """The run was interrupted and can be resumed; the last event.

    Attributes:
        step: number of steps done so far.
        checkpoint: the training checkpoint to resume from.
    """

    step: int
    checkpoint: Path


LiftingEvent = LiftingStarted | LiftingProgress | LiftingFinished | LiftingInterrupted


def run(
    mocap: Path,
    output: Path,
    recipe: LiftingRecipe | None = None,
    *,
    resume: bool = False,
    device: str = "auto",
) -> Iterator[LiftingEvent]:
    """Train a lifting network on motion capture, and measure its weights on the file's test clips.

    Ctrl-C and SIGTERM end the run after the current step; closing the iterator does too. In each case a
    training checkpoint is saved from which the run resumes.

    Args:
        mocap: file of motion capture, see `read_mocap`.
        output: folder of the run.
        recipe: settings of the run; None for the defaults.
        resume: continue the run in the output folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Yields:
        What happens, with one `LiftingProgress` per step; last `LiftingFinished` or `LiftingInterrupted`.

    Raises:
        FormatError: the file is not motion capture.
        ModelError: the training checkpoint belongs to another recipe, or there is no such device.
        OutputError: the folder holds a run that is not to be resumed, or a file cannot be written.
    """
    recipe = recipe or LiftingRecipe()
    train, test = read_mocap(mocap, "train"), read_mocap(mocap, "test")
    checkpoint, weights = output / "checkpoint.pt", output / "weights.safetensors"
    if not resume and (checkpoint.exists() or weights.exists()):
        raise OutputError(f"{output} holds a run; continue it with --resume, or choose another folder")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {output}: {error.strerror}") from None
    trainer = LiftingTrainer(recipe, train, choose_device(device))
    if resume:
        trainer.resume(checkpoint)
    yield LiftingStarted(len(train), len(train.bones), len(test), str(trainer.device), trainer.step)
    with interrupts() as interrupted:
        saved = time.monotonic()
        try:
            for progress in trainer.steps():
                yield progress
                if time.monotonic() - saved >= _SAVE_EVERY:
                    saved = time.monotonic()
                    trainer.save(checkpoint)
                if interrupted():
                    break
        except GeneratorExit:
            trainer.save(checkpoint)
            raise
        trainer.save(checkpoint)
    if not trainer.finished:
        yield LiftingInterrupted(trainer.step, checkpoint)
        return
    figures = measure(trainer.averaged(), test, train, recipe.errors)
    write_weights(weights, trainer, mocap, figures)
    yield LiftingFinished(trainer.step, weights, figures)
