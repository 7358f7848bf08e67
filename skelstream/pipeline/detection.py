"""The first two stages: frames as network input, and what the first network finds in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from skelstream.estimation.pose_estimator import Estimator
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.pipeline.schedule import FirstLooks
from skelstream.pipeline.times import StageTimes
from skelstream.video import Frame, Source


@dataclass(frozen=True)
class Seen:
    """A frame on its way to the people in it.

    Attributes:
        frame: with its image, or without one if it failed to decode.
        arrived: ``time.monotonic()`` when it was decoded.
        network_input, letterbox: of the first network; None where the frame gets no first look.
        candidates: what the first network found, once it has run.
    """

    frame: Frame
    arrived: float
    network_input: np.ndarray | None = None
    letterbox: Letterbox | None = None
    candidates: Candidates | None = None


def decoded(
    source: Source, estimator: Estimator, first_looks: FirstLooks, times: StageTimes, skipped: int = 0
) -> Iterator[Seen]:
    """The frames of a source but the first ``skipped``; those that get a first look are prepared for it."""
    frames = iter(source)
    for number in count():
        with times.timed("decode"):
            frame = next(frames, None)
            if frame is None:
                return
            seen = Seen(frame, time.monotonic())
            due = frame.image is not None and first_looks.due(frame.time)
            if due and number >= skipped:
                seen = prepared(seen, estimator)
        if number >= skipped:
            yield seen


def prepared(seen: Seen, estimator: Estimator) -> Seen:
    """A frame that has an image, as network input too."""
    assert seen.frame.image is not None
    network_input, letterbox = estimator.prepare(seen.frame.image)
    return replace(seen, network_input=network_input, letterbox=letterbox)


def looked_at(items: Iterable[Seen], estimator: Estimator, batch: int, times: StageTimes) -> Iterator[Seen]:
    """The frames after the first network has seen those prepared for it: in full batches whatever the timing, so that
    two runs give the same numbers."""
    waiting: list[Seen] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == batch:
            yield from first_look(waiting, estimator, times)
            waiting = []
    yield from first_look(waiting, estimator, times)


def first_look(batch: list[Seen], estimator: Estimator, times: StageTimes) -> list[Seen]:
    """Some frames after the first network has seen those prepared for it."""
    inputs = [seen.network_input for seen in batch if seen.network_input is not None]
    if not inputs:
        return batch
    with times.timed("network"):
        candidates = iter(estimator.infer(inputs))
    return [
        seen if seen.network_input is None else replace(seen, network_input=None, candidates=next(candidates))
        for seen in batch
    ]
