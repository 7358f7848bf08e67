"""One source to skeletons: frame by frame, in windows, or the whole of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import Stopped
from skelstream.estimation.pose_estimator import Estimator, PoseEstimator, two_looks
from skelstream.extraction.checkpoint import Checkpoints
from skelstream.extraction.output import check_apart, check_output, forget_partial, keep_partial
from skelstream.formats import WriteOptions, save
from skelstream.geometry.region import Region
from skelstream.pipeline import Analysed, Pipeline, PipelineSettings, StageTimes
from skelstream.processing.one_euro import OneEuro
from skelstream.processing.postprocessing import Postprocessing
from skelstream.sequences import Window, WindowBuffer
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.tracking.settings import TrackerSettings
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import SourceInfo

Report = Callable[[Pipeline, Analysed], None]


@dataclass(frozen=True)
class Extraction:
    """A video's skeletons and how it went.

    Attributes:
        sequence: the skeletons.
        info: of the source.
        times: by stage.
        seconds: from opening to the last frame.
        resumed: frames that a killed extraction had left, and that were not looked at again.
        warnings: what was wrong or assumed, a line each.
    """

    sequence: SkeletonSequence
    info: SourceInfo
    times: StageTimes
    seconds: float
    resumed: int
    warnings: list[str]


def stream(
    source: str | Path | int,
    estimator: PoseEstimator | None = None,
    *,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    fps: float | None = None,
    region: Region | None = None,
    slow_motion: float = 1.0,
    max_people: int | None = None,
    first_look_every: int | None = 1,
    tracking: TrackerSettings = TrackerSettings(),
) -> Generator[TrackedPeople, None, None]:
    """The people of each frame of a video, camera or stream as soon as they are known.

    Every frame is given, also empty ones and (``ok`` False) those that failed to decode; only a live source drops
    frames that the machine has no time for.

    Args:
        source: a file, a folder or pattern of images, a URL, a camera's number or name.
        estimator: a ``PoseEstimator`` to use, or a function that makes it; None
            makes one that looks twice, with the default weights on the best device.
        start, end, every, fps, region, slow_motion, max_people, tracking, first_look_every: as in
            ``PipelineSettings``.

    Yields:
        ``TrackedPeople`` in order of time: keypoints in source pixels with NaN where missing, scores in [0, 1],
        track ids that stay with a person.

    Raises:
        SourceError: the source cannot be opened or read.
    """
    settings = PipelineSettings(
        start=start, end=end, every=every, fps=fps, region=region, slow_motion=slow_motion,
        max_people=max_people, tracking=tracking, first_look_every=first_look_every,
    )  # fmt: skip
    return _stream(Pipeline(source, estimator or two_looks, settings))


def _stream(pipeline: Pipeline) -> Generator[TrackedPeople, None, None]:
    with pipeline:
        for analysed in pipeline:
            yield analysed.tracked


def windows(
    source: str | Path | int,
    length: int = 64,
    stride: int = 16,
    persons: int = 2,
    estimator: PoseEstimator | None = None,
    *,
    fill_value: float = 0.0,
    smooth: bool = False,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    fps: float | None = None,
    region: Region | None = None,
    slow_motion: float = 1.0,
    max_people: int | None = None,
    first_look_every: int | None = 1,
    tracking: TrackerSettings = TrackerSettings(),
) -> Generator[Window, None, None]:
    """Clips for a recogniser from a video, camera or stream, each as soon as its last frame is known.

    Consecutive frames, also empty ones and those that failed to decode, which are in the clip as people that are
    missing. Not more than ``length`` frames of skeletons are held. A slot belongs to one track for the window:
    slots go to the tracks that matter most within it, of those that are confirmed by its last frame.

    The windows are those of the finished sequence (``extract(source).windows(...)``), also the padded one of a
    source shorter than ``length``, with one difference: a track that is confirmed only after a window's last frame
    is in the finished sequence's window and not in this one. From a live source, frames that the machine has no
    time for are no part of the windows, so that ``length`` frames may span more time.

    Args:
        source, estimator: as in ``stream``.
        length: frames T in a window.
        stride: frames from one window's start to the next.
        persons: slots M.
        fill_value: x and y of joints that are missing, as in ``SkeletonSequence.dense``; their score is 0.
        smooth: whether keypoints go through the One-Euro filter first, which looks back only.
        start, end, every, fps, region, slow_motion, max_people, tracking, first_look_every: as in
            ``PipelineSettings``.

    Yields:
        ``Window``: (clip, track ids, start, end), the clip float32 (M, T, V, 3): x and y in source pixels, score;
        the ids int32 (M,), most important first, 0 for a slot that is empty; the times of the first and the last
        frame in seconds.

    Raises:
        SourceError: the source cannot be opened or read.
        FormatError: ``length``, ``stride`` or ``persons`` is less than 1.
    """
    buffer = WindowBuffer(length, stride, persons, fill_value)
    settings = PipelineSettings(
        start=start, end=end, every=every, fps=fps, region=region, slow_motion=slow_motion,
        max_people=max_people, tracking=tracking, first_look_every=first_look_every,
    )  # fmt: skip
    frames = _stream(Pipeline(source, estimator or two_looks, settings))
    return _windows(frames, buffer, OneEuro() if smooth else None)


def _windows(
    frames: Generator[TrackedPeople, None, None], buffer: WindowBuffer, euro: OneEuro | None
) -> Generator[Window, None, None]:
    with closing(frames):
        for tracked in frames:
            window = buffer.add(euro.update(tracked) if euro else tracked)
            if window:
                yield window
    last = buffer.finish()
    if last:
        yield last


def extract(
    source: str | Path | int,
    output: str | Path | None = None,
    estimator: PoseEstimator | None = None,
    *,
    overwrite: bool = False,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    fps: float | None = None,
    region: Region | None = None,
    slow_motion: float = 1.0,
    max_people: int | None = None,
    first_look_every: int | None = 1,
    tracking: TrackerSettings = TrackerSettings(),
) -> SkeletonSequence:
    """The skeleton sequences of a whole video.

    Args:
        source, estimator: as in ``stream``.
        output: file to write as well; its ending decides the format.
        overwrite: whether an existing output may be replaced.
        start, end, every, fps, region, slow_motion, max_people, tracking, first_look_every: as in
            ``PipelineSettings``.

    Returns:
        The sequences: tracks that were never confirmed are left out, the most important track is first.

    Raises:
        SourceError: the source cannot be opened or read.
        OutputError: the output exists or cannot be written.
        FormatError: no format has the output's ending.
    """
    path = None if output is None else Path(output)
    settings = PipelineSettings(
        start=start, end=end, every=every, fps=fps, region=region, slow_motion=slow_motion,
        max_people=max_people, tracking=tracking, first_look_every=first_look_every,
    )  # fmt: skip
    return run(source, estimator or two_looks, path, settings, overwrite=overwrite).sequence


def run(
    source: str | Path | int,
    estimator: Estimator | Callable[[], Estimator],
    output: Path | None = None,
    settings: PipelineSettings = PipelineSettings(),
    *,
    name: str | None = None,
    format: str | None = None,
    postprocessing: Postprocessing = Postprocessing(),
    overwrite: bool = False,
    checked: bool = False,
    report: Report | None = None,
) -> Extraction:
    """``extract`` with an account of how it went; ``report`` is called after each frame, and ``name`` is as in ``Pipeline``;
    ``checked`` says that the output is known to be writable.

    Where the work breaks off, by an error or Ctrl-C, or the output cannot be written, the frames so far go to
    ``NAME.partial.npz`` beside the output, never to the output itself; a whole result takes it away again. Ctrl-C is
    how a live source ends: its frames so far are the whole. Work of more than a minute leaves ``NAME.checkpoint`` if it is
    killed; the same call goes on from there, to the same bytes as if nothing had happened.

    Raises:
        SourceError: the source cannot be opened or read.
        OutputError: the output exists or cannot be written; as far as that can be known, before any work.
        FormatError: the output's format is unknown, or cannot hold one video's people.
    """
    if output is not None:
        if not checked:
            check_output(output, format, postprocessing, overwrite)
        check_apart(output, source)
    began, stopped = time.perf_counter(), None
    with (
        Pipeline(source, estimator, settings, name=name) as pipeline,
        Checkpoints(output, source, pipeline) as checkpoints,
    ):
        try:
            try:
                for analysed in pipeline:
                    checkpoints.add(analysed.tracked)
                    if report:
                        report(pipeline, analysed)
            except KeyboardInterrupt as interrupt:
                if not pipeline.info.live:
                    raise
                stopped = interrupt
            seconds = time.perf_counter() - began
            sequence = postprocessing(checkpoints.finish())
            if output is not None:
                save(
                    sequence,
                    output,
                    format,
                    overwrite,
                    options=WriteOptions(skeleton=postprocessing.skeleton),
                )
                forget_partial(output)
                checkpoints.forget()
        except BaseException as error:
            if output is not None:
                keep_partial(checkpoints.finish(), output, error)
            raise
    if isinstance(stopped, Stopped):  # by more than the user's wish to end this source
        if output is not None:
            stopped.add_note(f"the {len(sequence.frame_time)} frames so far are in {output}")
        raise stopped
    return Extraction(
        sequence, pipeline.info, pipeline.times, seconds, checkpoints.resumed, list(sequence.meta["warnings"])
    )
