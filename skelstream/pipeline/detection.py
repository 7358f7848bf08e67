"""The first two stages: decoding, and detection in the frames that are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from skelstream.estimation.protocol import Estimator, infer_all
from skelstream.estimation.views import turns_of
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.pipeline.shots import ShotChanges
from skelstream.pipeline.times import StageTimes
from skelstream.video import Frame, Source


@dataclass(frozen=True)
class View:
    """A view of a frame, upright or turned, on its way through detection.

    Attributes:
        letterbox: map from the frame's image to the network's input.
        network_input: input of the detection network; None after detection.
        candidates: peaks and limbs; None before detection.
    """

    letterbox: Letterbox
    network_input: np.ndarray | None = None
    candidates: Candidates | None = None


@dataclass(frozen=True)
class DecodedFrame:
    """A frame on its way through the stages.

    Attributes:
        frame: frame with its image, or without one if it failed to decode.
        arrived: ``time.monotonic()`` when it was decoded.
        views: views to detect in; empty if the frame is not due.
        begins_shot: whether another shot begins with it; such a frame is due.
    """

    frame: Frame
    arrived: float
    views: tuple[View, ...] = ()
    begins_shot: bool = False

    @property
    def found(self) -> list[tuple[Candidates, Letterbox]]:
        """Candidates and letterbox of each view, after detection."""
        return [(view.candidates, view.letterbox) for view in self.views if view.candidates is not None]


def decoded(
    source: Source,
    estimator: Estimator,
    due: Callable[[float], bool],
    times: StageTimes,
    skipped: int = 0,
    shots: ShotChanges | None = None,
) -> Iterator[DecodedFrame]:
    """Yield the frames of a source after the first ``skipped``; those that are due come with their views. Without ``shots`` the
    whole source is one shot."""
    turns = turns_of(estimator.orientations, source.info.photos)
    frames = iter(source)
    for number in count():
        with times.timed("decode"):
            frame = next(frames, None)
            if frame is None:
                return
            image = frame.image
            begins = image is not None and shots is not None and shots.begins(image, frame.time)
            item = DecodedFrame(frame, time.monotonic(), begins_shot=begins)
            is_due = image is not None and due(frame.time)
            if (is_due or begins) and number >= skipped:
                item = prepared(item, estimator, turns)
        if number >= skipped:
            yield item


def prepared(item: DecodedFrame, estimator: Estimator, turns: Sequence[int]) -> DecodedFrame:
    """Return a frame that has an image, with a further view for each turn."""
    assert item.frame.image is not None
    views = list(item.views)
    for turn in turns:
        network_input, letterbox = estimator.prepare(item.frame.image, turn)
        views.append(View(letterbox, network_input))
    return replace(item, views=tuple(views))


def detected(
    items: Iterable[DecodedFrame], estimator: Estimator, batch: int, times: StageTimes
) -> Iterator[DecodedFrame]:
    """Yield the frames after detection, in full batches whatever the timing, so that two runs give the same numbers."""
    waiting: list[DecodedFrame] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == batch:
            yield from detect(waiting, estimator, times)
            waiting = []
    yield from detect(waiting, estimator, times)


def detect(batch: list[DecodedFrame], estimator: Estimator, times: StageTimes) -> list[DecodedFrame]:
    """Return frames in which each view has its candidates."""
    inputs = [view.network_input for item in batch for view in item.views if view.network_input is not None]
    if not inputs:
        return batch
    with times.timed("detection"):
        candidates = iter(infer_all(estimator, inputs))
    return [
        replace(
            item,
            views=tuple(
                view if view.network_input is None else View(view.letterbox, candidates=next(candidates))
                for view in item.views
            ),
        )
        for item in batch
    ]
