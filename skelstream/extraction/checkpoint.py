"""Checkpoints of an extraction: its frames so far on disk, from which the next run continues after a kill."""

from __future__ import annotations

import io
import logging
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError, OutputError
from skelstream.files.locks import claimed
from skelstream.formats.checkpoint import CheckpointFile
from skelstream.people import People
from skelstream.pipeline import Pipeline, PipelineState
from skelstream.sequences.builder import Block, SequenceBuilder
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.tracking.appearance import PARTS
from skelstream.tracking.tracked import TrackedPeople

_log = logging.getLogger(__name__)

SECONDS = 60.0
"""Seconds between two checkpoints."""


class Checkpoints:
    """Saves the frames of a pipeline to ``NAME.checkpoint`` beside the output; a context manager.

    If an earlier extraction of the same file with the same settings left a checkpoint, the pipeline continues after it.
    A checkpoint of another extraction is kept under another name. Work that ends within ``SECONDS`` writes nothing.

    Args:
        output: file of the whole result; None saves nothing.
        source: source of the pipeline.
        pipeline: pipeline before its first frame.

    Attributes:
        resumed: number of frames taken from the checkpoint.
    """

    def __init__(self, output: Path | None, source: str | Path | int, pipeline: Pipeline):
        self._pipeline, self._builder = pipeline, pipeline.builder()
        self._file = None if output is None else CheckpointFile(output.with_name(f"{output.stem}.checkpoint"))
        self._facts = _facts(source, self._builder)
        self._resumable = "size" in self._facts and not pipeline.info.live
        self._begun, self._unsaved = False, list[Block]()
        self._last, self._context, self.resumed = time.monotonic(), ExitStack(), 0

    def __enter__(self) -> Checkpoints:
        if self._file is not None:
            self._context.enter_context(self._file)
            with suppress(OSError):
                if self._context.enter_context(claimed(self._file.path, wait=False)) is False:
                    self._file = None  # another process writes to the same output
                elif self._file.path.is_file():
                    self._resume(self._file)
                elif self._file.path.exists():
                    _log.warning("%s: is no file, so no checkpoint is kept", self._file.path)
                    self._file = None
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def add(self, tracked: TrackedPeople) -> None:
        """Add a frame, before the pipeline analyses the next one."""
        self._builder.add(tracked)
        if self._file is not None and time.monotonic() - self._last >= SECONDS:
            self._save(self._file)

    def finish(self) -> SkeletonSequence:
        """Return the sequence of all frames.

        Raises:
            OutputError: another program changed the checkpoint, so frames are lost.
        """
        sequence = self._builder.finish(self._earlier)
        if self._file is not None and (lost := self._builder.frames - sequence.frames):
            raise OutputError(
                f"{self._file.path} was changed by another program while it was in use: {lost} frames are lost;"
                " extract the video again"
            )
        return sequence

    def finish_partial(self) -> SkeletonSequence:
        """Return the sequence of the frames so far that can be read."""
        return self._builder.finish(self._earlier)

    def remove(self) -> None:
        """Remove the checkpoint after the whole result is written."""
        if self._file is not None and self._begun:
            self._file.remove()

    def _earlier(self) -> Iterator[Block]:
        if self._file is not None and self._begun:
            for stored in self._file.blocks():
                yield stored.block
        yield from self._unsaved

    def _save(self, file: CheckpointFile) -> None:
        current = self._pipeline.state()
        if current is None:
            return
        state = pickle.dumps(current)
        self._unsaved.append(self._builder.take_block())
        try:
            if not self._begun:
                file.begin(self._facts)
                self._begun = True
            while self._unsaved:
                file.add(self._unsaved[0], state)
                del self._unsaved[0]
        except OSError as error:  # unsaved frames stay in memory, and the work continues
            _log.warning("%s: cannot be written (%s)", file.path, error.strerror)
        self._last = time.monotonic()

    def _resume(self, file: CheckpointFile) -> None:
        state, pickled, frames, last, end = None, b"", 0, (-1, 0.0), 0
        try:
            if self._resumable and file.facts() == self._facts:
                for stored in file.blocks():
                    index, times = stored.block["frame_index"], stored.block["frame_time"]
                    frames += len(index)
                    found = _unpickled(stored.state)
                    # Blocks that waited for room on the disk have the state after the last of them.
                    if found.policy.frames == frames:
                        state, pickled, end = found, stored.state, stored.end
                        last = int(index[-1]), float(times[-1])
            if state is not None:
                _try_out(_unpickled(pickled), *last, len(self._pipeline.tracked_skeleton))
                file.cut(end)
                self._pipeline.resume(state)
        except OSError as error:  # it cannot be read or written: the work begins anew and leaves it alone
            _log.warning("%s: cannot be continued (%s)", file.path, error.strerror)
            self._file = None
            return
        except Exception as error:  # damaged bytes make pickle raise too many exceptions to list
            _log.info("%s: %s", file.path, error)
            state = None
        if state is None:
            self._set_aside(file.path)
            return
        self._begun, self.resumed = True, state.policy.frames
        self._builder.resume_after(self.resumed, last)
        _log.info("%s: continues after %d frames", file.path, self.resumed)

    def _set_aside(self, path: Path) -> None:
        other = next(p for n in count(2) if not (p := path.with_name(f"{path.stem}.{n}.checkpoint")).exists())
        path.rename(other)
        _log.warning("%s: belongs to another extraction and is kept as %s", path, other.name)


def _facts(source: str | Path | int, builder: SequenceBuilder) -> dict[str, Any]:
    """Return what must be equal for an extraction to be resumed; without a size if the source is not a file."""
    facts: dict[str, Any] = {"meta": builder.meta}
    if not isinstance(source, int) and os.path.isfile(source):
        status = os.stat(source)
        facts |= {"size": status.st_size, "time": status.st_mtime_ns}
    return facts


def _try_out(state: PipelineState, index: int, time: float, joints: int) -> None:
    """Run a copy of a stored state on more frames, one with a new person: a damaged state fails here, with an error of any class."""
    tracker = state.tracker
    places = np.tile(np.arange(joints, dtype=np.float32)[:, None], (1, 1, 2))
    box = np.array([[0, 0, joints, joints]], np.float32)
    colours = np.zeros((1, len(PARTS), 3), np.float32)
    new = People(places, np.ones((1, joints), np.float32), np.ones(1, np.float32), box, colours)
    for people in (tracker.expected(time), tracker.lost(time), new, new):
        if people is not None:
            state.watch.see(tracker.update(index + 1, time, people))
    state.watch.on(time)
    if state.policy.refinement is not None and state.policy.refinement.boxes.shape[1:] != (5,):
        raise FormatError("not the state of a refinement")


class _Unpickler(pickle.Unpickler):
    """Unpickles the objects of a pipeline's state and nothing else."""

    _NAMES = {
        ("collections", "Counter"), ("filterpy.kalman.kalman_filter", "KalmanFilter"), ("numpy", "dtype"), ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"), ("numpy.linalg", "inv"),
        ("skelstream.pipeline.parts", "PartMemory"), ("skelstream.pipeline.pipeline", "PipelineState"), ("skelstream.pipeline.policy", "PolicyState"), ("skelstream.pipeline.schedule", "TurnedViews"),
        ("skelstream.pipeline.times", "StageTimes"), ("skelstream.pipeline.watch", "Watch"), ("skelstream.refinement.refinement", "RefinementState"),
        ("skelstream.skeleton.skeleton", "Skeleton"), ("skelstream.tracking.motion", "Motion"),
        ("skelstream.tracking.appearance", "RunningColours"), ("skelstream.settings.tracking", "TrackerSettings"), ("skelstream.tracking.track", "Track"),
        ("skelstream.tracking.kalman_tracker", "KalmanTracker"),
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("numpy._core", "numpy.core"), name) not in self._NAMES:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a pipeline's state")
        return super().find_class(module, name)


def _unpickled(state: bytes) -> PipelineState:
    found = _Unpickler(io.BytesIO(state)).load()
    if not isinstance(found, PipelineState):
        raise pickle.UnpicklingError("not the state of a pipeline")
    return found
