"""One estimator for several clips at a time, whose frames and crops fill the networks' batches together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import numpy as np

from skelstream.estimation.pose_estimator import Estimator, Provenance
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.refinement import SecondLook
from skelstream.skeleton import Skeleton

Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Row(Generic[Result]):
    """An image that waits for the network, and what became of it."""

    image: np.ndarray
    caller: object
    result: Result | None = None
    error: Exception | None = None
    done: bool = False


class SharedBatches(Generic[Result]):
    """A network that several threads ask at a time, and that sees their images in batches of one size.

    Whoever finds the network free has it look at what waits, the oldest first, be it their own or not: as many images of one
    shape as fill a batch. Where fewer wait, the batch is filled up with blank ones, at once: nobody waits for a thread that may have
    nothing more to ask. As all batches have one size, an image's result does not depend on the others, if the network computes
    each image of a batch for itself. A batch that fails is run again for each caller alone, so that an error is only told to who
    brought it.

    Args:
        run: a result for each of ``size`` images of one shape; one call at a time is made.
        size: of a batch.
    """

    def __init__(self, run: Callable[[Sequence[np.ndarray]], Sequence[Result]], size: int):
        self._run, self._size = run, size
        self._waiting: list[_Row[Result]] = []
        self._changed, self._busy = threading.Condition(), False

    def __call__(self, images: Sequence[np.ndarray]) -> list[Result]:
        """What the network makes of each image; whatever it raised for them is raised."""
        caller = object()
        rows: list[_Row[Result]] = [_Row(image, caller) for image in images]
        with self._changed:
            self._waiting += rows
        try:
            while batch := self._turn(rows):
                self._look(batch, caller)
        except BaseException:  # Ctrl-C: the others' images stay
            with self._changed:
                self._waiting = [row for row in self._waiting if row.caller is not caller]
            raise
        for row in rows:
            if row.error is not None:
                raise row.error
        return [cast(Result, row.result) for row in rows]

    def _turn(self, rows: Sequence[_Row[Result]]) -> list[_Row[Result]]:
        """The next batch, once the network is free for it; none if ``rows`` are all done."""
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

    def _look(self, batch: list[_Row[Result]], caller: object) -> None:
        try:
            try:
                self._fill_in(batch)
            except Exception as error:
                if all(row.caller is caller for row in batch):
                    self._fail(batch, error)
                else:
                    self._look_apart(batch)
        finally:
            with self._changed:
                self._waiting = [row for row in batch if not row.done] + self._waiting
                self._busy = False
                self._changed.notify_all()

    def _look_apart(self, batch: list[_Row[Result]]) -> None:
        for caller in dict.fromkeys(row.caller for row in batch):
            theirs = [row for row in batch if row.caller is caller]
            try:
                self._fill_in(theirs)
            except Exception as error:
                self._fail(theirs, error)

    def _fill_in(self, rows: list[_Row[Result]]) -> None:
        images = [row.image for row in rows]
        blank = [np.zeros_like(images[0])] * (self._size - len(images))
        for row, result in zip(rows, self._run(images + blank)[: len(rows)], strict=True):
            row.result, row.done = result, True

    def _fail(self, rows: list[_Row[Result]], error: Exception) -> None:
        for row in rows:
            row.error, row.done = error, True


class SharedEstimator:
    """An ``Estimator`` for several clips at a time: the network sees their frames, and the second one their crops, together.

    What it finds does not depend on which clips are under way, see ``SharedBatches``.

    Args:
        estimator: that does the work; one whose ``batch`` is 1 has nothing to gain.
    """

    def __init__(self, estimator: Estimator):
        self._estimator = estimator
        self._batches = SharedBatches(estimator.infer, estimator.batch)
        look = estimator.second_look()
        self._refiner = None if look is None else look.refiner
        if isinstance(self._refiner, CropRefiner):
            self._refiner = copy(self._refiner)
            self._refiner.look = SharedBatches(self._refiner.look, estimator.batch)

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the people that it finds."""
        return self._estimator.skeleton

    @property
    def batch(self) -> int:
        """Images that the device likes to see at a time."""
        return self._estimator.batch

    @property
    def provenance(self) -> Provenance:
        """What it is."""
        return self._estimator.provenance

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """First step: a uint8 RGB image (H, W, 3) as network input, and the way back."""
        return self._estimator.prepare(image)

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Second step: peaks and limbs of network inputs of one size, which may share batches with those of other threads."""
        return self._batches(inputs)

    def group(self, candidates: Candidates, letterbox: Letterbox) -> People:
        """Third step: people in source pixels."""
        return self._estimator.group(candidates, letterbox)

    def second_look(self) -> SecondLook | None:
        """A fourth step for one video's people, whose crops may share batches with those of others; None for one look."""
        look = self._estimator.second_look()
        if look is not None and self._refiner is not None:
            look.refiner = self._refiner
        return look
