"""The first two stages: decoding, and detection in the frames that are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from skelstream.estimation.protocol import Estimator
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.pipeline.times import StageTimes
from skelstream.video import Frame, Source


@dataclass(frozen=True)
class DecodedFrame:
    """A frame on its way through the stages.

    Attributes:
        frame: frame with its image, or without one if it failed to decode.
        arrived: ``time.monotonic()`` when it was decoded.
        network_input, letterbox: input of the detection network and the way back; None if the frame is not due.
        candidates: peaks and limbs, after detection.
    """

    frame: Frame
    arrived: float
    network_input: np.ndarray | None = None
    letterbox: Letterbox | None = None
    candidates: Candidates | None = None


def decoded(
    source: Source,
    estimator: Estimator,
    due: Callable[[float], bool],
    times: StageTimes,
    skipped: int = 0,
) -> Iterator[DecodedFrame]:
    """Yield the frames of a source after the first ``skipped``; those that are due come with their network input."""
    frames = iter(source)
    for number in count():
        with times.timed("decode"):
            frame = next(frames, None)
            if frame is None:
                return
            item = DecodedFrame(frame, time.monotonic())
            is_due = frame.image is not None and due(frame.time)
            if is_due and number >= skipped:
                item = prepared(item, estimator)
        if number >= skipped:
            yield item


def prepared(item: DecodedFrame, estimator: Estimator) -> DecodedFrame:
    """Return a frame that has an image, with its network input."""
    assert item.frame.image is not None
    network_input, letterbox = estimator.prepare(item.frame.image)
    return replace(item, network_input=network_input, letterbox=letterbox)


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
    """Return frames in which those with a network input have their candidates."""
    inputs = [item.network_input for item in batch if item.network_input is not None]
    if not inputs:
        return batch
    with times.timed("detection"):
        candidates = iter(estimator.infer(inputs))
    return [
        item if item.network_input is None else replace(item, network_input=None, candidates=next(candidates))
        for item in batch
    ]
