"""One source to skeletons: frame by frame, in windows, or as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skelstream.errors import Stopped
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.estimation.protocol import Estimator
from skelstream.extraction.checkpoint import Checkpoints
from skelstream.extraction.output import Output
from skelstream.extraction.settings import ExtractionSettings, settings_for_call
from skelstream.files.arguments import path_argument
from skelstream.pipeline import AnalysedFrame, Pipeline, StageTimes
from skelstream.processing.one_euro import OneEuro
from skelstream.processing.postprocessing import postprocess
from skelstream.sequences import Window, WindowBuffer
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import SourceInfo
from skelstream.video.opening import check_source

Report = Callable[[Pipeline, AnalysedFrame], None]
MakesEstimator = Estimator | Callable[[], Estimator]

_DEFAULT = ExtractionSettings()
_OF_WHOLE_SEQUENCES = ("postprocessing", "linking")


@dataclass(frozen=True)
class Extraction:
    """A video's skeletons and an account of the work.

    Attributes:
        sequence: the skeletons.
        info: facts about the source.
        times: busy seconds and counts by stage.
        seconds: duration of the work, from opening to the last frame.
        resumed: number of frames taken from the checkpoint of an interrupted extraction.
        warnings: lines about what was wrong or assumed, and what the output's format leaves out.
    """

    sequence: SkeletonSequence
    info: SourceInfo
    times: StageTimes
    seconds: float
    resumed: int
    warnings: list[str]


def stream(
    source: str | Path | int,
    estimator: MakesEstimator | None = None,
    *,
    settings: ExtractionSettings = _DEFAULT,
    **options: Any,
) -> Generator[TrackedPeople, None, None]:
    """Return a generator of each frame's people in a video, camera or stream, as soon as they are known.

    Every frame is there, also those without people and (``ok`` False) those that failed to decode; only a live source drops
    frames that there is no time for.

    Args:
        source: a file, a folder or pattern of images, a URL, or a camera's number or name.
        estimator: an estimator, or a function that makes one; None makes one from the settings.
        settings: settings to start from.
        options: single settings by their flat names, for example ``size=512`` or ``max_lost=2.0``.

    Yields:
        ``TrackedPeople`` in order of time: keypoints in source pixels with NaN where missing, scores in [0, 1], and
        track ids. Their joints are those of ``SKELETONS["openpose18"]`` in ``skelstream.skeleton``; of ``body+hands``,
        ``body+face`` or ``body+hands+face`` where these are found too.

    Raises:
        SourceError: the source cannot be opened or read.
        SettingsError: an option is unknown, not allowed or without effect.
    """
    settings = settings_for_call(settings, options, estimator, _OF_WHOLE_SEQUENCES)
    return _stream(Pipeline(source, estimator or _maker(settings), settings))


def _stream(pipeline: Pipeline) -> Generator[TrackedPeople, None, None]:
    with pipeline:
        for analysed in pipeline:
            yield analysed.tracked


def _maker(settings: ExtractionSettings) -> Callable[[], Estimator]:
    return lambda: PoseEstimator(settings.estimator)


def windows(
    source: str | Path | int,
    length: int = 64,
    stride: int = 16,
    persons: int = 2,
    estimator: MakesEstimator | None = None,
    *,
    fill_value: float = 0.0,
    settings: ExtractionSettings = _DEFAULT,
    **options: Any,
) -> Generator[Window, None, None]:
    """Return a generator of clips for a recogniser from a video, camera or stream, each as soon as its last frame is known.

    A window holds consecutive frames; people are missing in frames without people and in those that failed to decode. At
    most ``length`` frames of skeletons are in memory. A slot belongs to one track for the whole window; slots go to the
    most important tracks within it that are confirmed by its last frame.

    The windows equal those of the finished sequence (``extract(source, linking=False).windows(...)``), also the padded one of
    a source shorter than ``length``, with one difference: a track that is confirmed only after a window's last frame is in
    the finished sequence's window and not in this one. Frames that a live source drops are not part of a window, so that
    ``length`` frames may span more time.

    Args:
        source, estimator, settings, options: see ``stream``.
        length: number T of frames in a window.
        stride: number of frames from one window's start to the next.
        persons: number M of slots.
        fill_value: x and y of missing joints; their score is 0.

    Yields:
        ``Window``: the clip float32 (M, T, V, 3) with x and y in source pixels and the score, joints as in ``stream``; track ids int32 (M,), most
        important first, 0 for an empty slot; the times of the first and the last frame in seconds.

    Raises:
        SourceError: the source cannot be opened or read.
        SettingsError: an option is unknown, not allowed or without effect, or ``length``, ``stride`` or ``persons`` is
            less than 1.
    """
    buffer = WindowBuffer(length, stride, persons, fill_value)
    smooth = bool(options.pop("smooth", False))
    settings = settings_for_call(settings, options, estimator, _OF_WHOLE_SEQUENCES)
    pipeline = Pipeline(source, estimator or _maker(settings), settings)
    return _windows(_stream(pipeline), buffer, OneEuro(skeleton=pipeline.skeleton) if smooth else None)


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
    estimator: MakesEstimator | None = None,
    *,
    overwrite: bool = False,
    settings: ExtractionSettings = _DEFAULT,
    **options: Any,
) -> SkeletonSequence:
    """Return the skeleton sequences of a whole video: confirmed tracks, the most important one first.

    Args:
        source, estimator, settings, options: see ``stream``; here options of postprocessing count too.
        output: file to write as well; its ending decides the format.
        overwrite: whether an existing output may be replaced.

    Raises:
        SourceError: the source cannot be opened or read.
        OutputError: the output exists or cannot be written.
        FormatError: no format has the output's ending.
        SettingsError: an option is unknown, not allowed or without effect.
    """
    check_source(source)
    settings = settings_for_call(settings, options, estimator)
    target = None if output is None else Output(path_argument(output, "output"), overwrite=overwrite)
    if target is not None:
        target.check(source, settings)
    return run(source, settings, target, estimator).sequence


def run(
    source: str | Path | int,
    settings: ExtractionSettings = _DEFAULT,
    output: Output | None = None,
    estimator: MakesEstimator | None = None,
    *,
    name: str | None = None,
    report: Report | None = None,
) -> Extraction:
    """Extract a whole source and return its skeletons with an account of the work.

    If the work breaks off, by an error or Ctrl-C, or the output cannot be written, the frames so far go to
    ``NAME.partial.npz`` beside the output, never to the output itself; a whole result removes it. Ctrl-C is how a live
    source ends: its frames so far are the whole. Work of more than a minute leaves ``NAME.checkpoint`` if it is killed;
    the same call continues from there, to the same bytes as an undisturbed run.

    Args:
        source: anything that ``skelstream.video.open_source`` takes.
        settings: all settings.
        output: file to write, after ``Output.check``; None writes nothing.
        estimator: an estimator, or a function that makes one; None makes one from the settings.
        name: name of the source in messages and results; None for ``source`` itself.
        report: called after each frame.

    Raises:
        SourceError: the source cannot be opened or read.
        OutputError: the output cannot be written.
        FormatError: the postprocessing is impossible.
    """
    began, stopped, notes = time.perf_counter(), None, list[str]()
    with (
        Pipeline(source, estimator or _maker(settings), settings, name=name) as pipeline,
        Checkpoints(output and output.path, source, pipeline) as checkpoints,
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
            sequence = postprocess(checkpoints.finish(), settings.postprocessing)
            if output is not None:
                notes = output.write(sequence, settings.postprocessing.skeleton)
                checkpoints.remove()
        except BaseException as error:
            if output is not None:
                output.keep_partial(checkpoints.finish_partial(), error)
            raise
    if isinstance(stopped, Stopped):  # a signal, not the user's wish to end this source
        if output is not None:
            stopped.add_note(f"the {len(sequence.frame_time)} frames so far are in {output.path}")
        raise stopped
    warnings = [*sequence.meta["warnings"], *notes]
    return Extraction(sequence, pipeline.info, pipeline.times, seconds, checkpoints.resumed, warnings)
