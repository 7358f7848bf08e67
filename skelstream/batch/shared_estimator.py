"""An estimator for several clips at once, whose frames and crops share the networks' batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import numpy as np

from skelstream.estimation.protocol import Estimator, Provenance
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.parts.part_refiner import PartRefiner
from skelstream.refinement.refinement import Refinement
from skelstream.skeleton import Skeleton

Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Request(Generic[Result]):
    """An image that waits for the network, with its result or error afterwards."""

    image: np.ndarray
    caller: object
    result: Result | None = None
    error: Exception | None = None
    done: bool = False


class SharedBatches(Generic[Result]):
    """A network that several threads call at once and that runs their images in batches of one fixed size.

    A thread that finds the network free runs the oldest waiting images of one shape, its own or other
    threads', up to a full batch. If fewer wait, blank images fill the batch at once, so that no thread waits
    for another that may have no more images. As all batches have one size, an image's result does not depend
    on the other images, provided that the network computes each image of a batch independently. A batch that
    fails is run again for each caller alone, so that an error reaches only the caller whose image caused it.

    Args:
        run: function from ``size`` images of one shape to a result for each; called by one thread at a time.
        size: number of images in a batch.
    """

    def __init__(self, run: Callable[[Sequence[np.ndarray]], Sequence[Result]], size: int):
        self._run, self._size = run, size
        self._waiting: list[_Request[Result]] = []
        self._changed, self._busy = threading.Condition(), False

    def __call__(self, images: Iterable[np.ndarray]) -> list[Result]:
        """Return the network's result for each image, or raise the error that the images caused."""
        caller = object()
        requests: list[_Request[Result]] = [_Request(image, caller) for image in images]
        with self._changed:
            self._waiting += requests
        try:
            while batch := self._next_batch(requests):
                self._run_batch(batch, caller)
        except BaseException:  # Ctrl-C: remove this caller's images only
            with self._changed:
                self._waiting = [request for request in self._waiting if request.caller is not caller]
            raise
        for request in requests:
            if request.error is not None:
                raise request.error
        return [cast(Result, request.result) for request in requests]

    def _next_batch(self, requests: Sequence[_Request[Result]]) -> list[_Request[Result]]:
        """Wait until the network is free and return the next batch; empty if all ``requests`` are done."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy or all(request.done for request in requests))
            if all(request.done for request in requests):
                return []
            shape, batch = self._waiting[0].image.shape, list[_Request[Result]]()
            rest = list[_Request[Result]]()
            for request in self._waiting:
                fits = len(batch) < self._size and request.image.shape == shape
                (batch if fits else rest).append(request)
            self._waiting, self._busy = rest, True
            return batch

    def _run_batch(self, batch: list[_Request[Result]], caller: object) -> None:
        try:
            try:
                self._run_requests(batch)
            except Exception as error:
                if all(request.caller is caller for request in batch):
                    self._fail(batch, error)
                else:
                    self._run_each_caller(batch)
        finally:
            with self._changed:
                self._waiting = [request for request in batch if not request.done] + self._waiting
                self._busy = False
                self._changed.notify_all()

    def _run_each_caller(self, batch: list[_Request[Result]]) -> None:
        for caller in dict.fromkeys(request.caller for request in batch):
            own = [request for request in batch if request.caller is caller]
            try:
                self._run_requests(own)
            except Exception as error:
                self._fail(own, error)

    def _run_requests(self, requests: list[_Request[Result]]) -> None:
        images = [request.image for request in requests]
        blank = [np.zeros_like(images[0])] * (self._size - len(images))
        for request, result in zip(requests, self._run(images + blank)[: len(requests)], strict=True):
            request.result, request.done = result, True

    def _fail(self, requests: list[_Request[Result]], error: Exception) -> None:
        for request in requests:
            request.error, request.done = error, True


class SharedEstimator:
    """An ``Estimator`` for several clips at once, whose frames share batches, as do their crops.

    The result of a clip does not depend on the other clips; see ``SharedBatches``.

    Args:
        estimator: estimator to share; sharing gains nothing if its ``batch`` is 1.
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
        """Joints of the people, and limbs to draw."""
        return self._estimator.skeleton

    @property
    def parts(self) -> Sequence[PartRefiner]:
        """Refiners of the parts that tracked people get."""
        return self._estimator.parts

    @property
    def batch(self) -> int:
        """Preferred batch size on this device."""
        return self._estimator.batch

    @property
    def orientations(self) -> int | str:
        """Turned views to detect in."""
        return self._estimator.orientations

    @property
    def provenance(self) -> Provenance:
        """Provenance of the people: networks, weights and versions."""
        return self._estimator.provenance

    def prepare(self, image: np.ndarray, turn: int = 0) -> tuple[np.ndarray, Letterbox]:
        """Return a uint8 RGB image (H, W, 3), turned by degrees counter-clockwise, as network input, with its letterbox."""
        return self._estimator.prepare(image, turn)

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Return the candidates of network inputs of one size; batches may be shared with other threads."""
        return self._batches(inputs)

    def group(self, views: Sequence[tuple[Candidates, Letterbox]]) -> People:
        """Return the people detected in the views of one image, in source pixels."""
        return self._estimator.group(views)

    def refinement(self) -> Refinement | None:
        """Return a refinement for one video; batches of crops may be shared with other videos."""
        refinement = self._estimator.refinement()
        if refinement is not None and self._refiner is not None:
            refinement.refiner = self._refiner
        return refinement
