"""An estimator that several clips share, so that their frames and crops fill the networks' batches together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import numpy as np

from skelstream.estimation.protocol import Estimator, Provenance
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.refinement import Refinement
from skelstream.skeleton import Skeleton

Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Row(Generic[Result]):
    """An image that waits for the network, with its result or error."""

    image: np.ndarray
    caller: object
    result: Result | None = None
    error: Exception | None = None
    done: bool = False


class SharedBatches(Generic[Result]):
    """A network that several threads call at once and that runs their images in batches of one size.

    A thread that finds the network free runs the oldest waiting images, its own or not: as many of one shape as fill a batch.
    If fewer wait, blank images fill the batch at once, so that no thread waits for another that may have no more images.
    Because all batches have one size, an image's result does not depend on the others, provided that the network computes each
    image of a batch independently. A batch that fails is run again for each caller alone, so that an error reaches only the
    caller whose image caused it.

    Args:
        run: function from ``size`` images of one shape to a result for each; called by one thread at a time.
        size: number of images in a batch.
    """

    def __init__(self, run: Callable[[Sequence[np.ndarray]], Sequence[Result]], size: int):
        self._run, self._size = run, size
        self._waiting: list[_Row[Result]] = []
        self._changed, self._busy = threading.Condition(), False

    def __call__(self, images: Sequence[np.ndarray]) -> list[Result]:
        """Return the network's result for each image, or raise the error that the images caused."""
        caller = object()
        rows: list[_Row[Result]] = [_Row(image, caller) for image in images]
        with self._changed:
            self._waiting += rows
        try:
            while batch := self._turn(rows):
                self._run_batch(batch, caller)
        except BaseException:  # Ctrl-C: images of other callers stay
            with self._changed:
                self._waiting = [row for row in self._waiting if row.caller is not caller]
            raise
        for row in rows:
            if row.error is not None:
                raise row.error
        return [cast(Result, row.result) for row in rows]

    def _turn(self, rows: Sequence[_Row[Result]]) -> list[_Row[Result]]:
        """Wait until the network is free and return the next batch; an empty one if all ``rows`` are done."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy or all(row.done for row in rows))
            if all(row.done for row in rows):
                return []
            shape, batch = self._waiting[0].image.shape, list[_Row[Result]]()
            rest = list[_Row[Result]]()
            for row in self._waiting:
                fits = len(batch) < self._size and row.image.shape == shape
                (batch if fits else rest).append(row)
            self._waiting, self._busy = rest, True
            return batch

    def _run_batch(self, batch: list[_Row[Result]], caller: object) -> None:
        try:
            try:
                self._fill_in(batch)
            except Exception as error:
                if all(row.caller is caller for row in batch):
                    self._fail(batch, error)
                else:
                    self._run_apart(batch)
        finally:
            with self._changed:
                self._waiting = [row for row in batch if not row.done] + self._waiting
                self._busy = False
                self._changed.notify_all()

    def _run_apart(self, batch: list[_Row[Result]]) -> None:
        for caller in dict.fromkeys(row.caller for row in batch):
            own = [row for row in batch if row.caller is caller]
            try:
                self._fill_in(own)
            except Exception as error:
                self._fail(own, error)

    def _fill_in(self, rows: list[_Row[Result]]) -> None:
        images = [row.image for row in rows]
        blank = [np.zeros_like(images[0])] * (self._size - len(images))
        for row, result in zip(rows, self._run(images + blank)[: len(rows)], strict=True):
            row.result, row.done = result, True

    def _fail(self, rows: list[_Row[Result]], error: Exception) -> None:
        for row in rows:
            row.error, row.done = error, True


class SharedEstimator:
    """An ``Estimator`` that several clips use at once; their frames share batches, and so do their crops.

    The result of a clip does not depend on the other clips, see ``SharedBatches``.

    Args:
        estimator: estimator that does the work; it gains nothing if its ``batch`` is 1.
    """

    def __init__(self, estimator: Estimator):
        self._estimator = estimator
        self._batches = SharedBatches(estimator.infer, estimator.batch)
        refinement = estimator.refinement()
        self._refiner = None if refinement is None else refinement.refiner
        if isinstance(self._refiner, CropRefiner):
            self._refiner = copy(self._refiner)
            self._refiner.run = SharedBatches(self._refiner.run, estimator.batch)

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the people, and the limbs to draw."""
        return self._estimator.skeleton

    @property
    def batch(self) -> int:
        """Preferred batch size on this device."""
        return self._estimator.batch

    @property
    def provenance(self) -> Provenance:
        """What the people are estimated with."""
        return self._estimator.provenance

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """Return a uint8 RGB image (H, W, 3) as network input, and the way back to source pixels."""
        return self._estimator.prepare(image)

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Return peaks and scored limbs of network inputs of one size, which may share batches with other threads' inputs."""
        return self._batches(inputs)

    def group(self, candidates: Candidates, letterbox: Letterbox) -> People:
        """Return detected people in source pixels."""
        return self._estimator.group(candidates, letterbox)

    def refinement(self) -> Refinement | None:
        """Return a refinement for one video, whose crops may share batches with other videos'; None for detection alone."""
        refinement = self._estimator.refinement()
        if refinement is not None and self._refiner is not None:
            refinement.refiner = self._refiner
        return refinement
