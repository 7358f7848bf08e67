"""Evaluations as iterators of events: an estimator on the images of a set, or a results file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skelstream.errors import SettingsError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.estimation.views import TURNS
from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.evaluation.estimates import ImageEstimate, TurnedEstimator, check_images, estimate
from skelstream.evaluation.protocol import EvalProtocol, describe_images
from skelstream.evaluation.refinement_gain import RefinementMeter
from skelstream.evaluation.report import Evaluation, evaluate
from skelstream.evaluation.results import read_results
from skelstream.interrupts import interrupts
from skelstream.settings.estimation import EstimatorSettings


@dataclass(frozen=True)
class EvaluationOptions:
    """Extent and protocol of an evaluation.

    Attributes:
        limit: number of images to evaluate, the first ones of the set; None for all.
        resamples: number of bootstrap draws for the 95 % intervals; 0 for no intervals.
        scales: factors of the input size that are averaged; for a results file, those it was made with. None for a single
            scale, or if unknown.
        flip: whether the mirrored image is averaged in; for a results file, whether it was. None for no, or if unknown.
        turn: degrees by which the estimator sees each image turned counter-clockwise: 0, 90, 180 or 270. The results are turned
            back and scored as usual.
    """

    limit: int | None = None
    resamples: int = 0
    scales: tuple[float, ...] | None = None
    flip: bool | None = None
    turn: int = 0

    def __post_init__(self) -> None:
        if self.turn not in TURNS:
            raise SettingsError(f"turn is {self.turn}: give 0, 90, 180 or 270", setting="turn")


@dataclass(frozen=True)
class ImageEvaluated:
    """The estimator has processed an image.

    Attributes:
        estimate: its results.
        done: number of images processed so far.
        total: number of images to process.
    """

    estimate: ImageEstimate
    done: int
    total: int


@dataclass(frozen=True)
class Note:
    """A fact that the user should know and that stops nothing.

    Attributes:
        message: one line.
    """

    message: str


@dataclass(frozen=True)
class Evaluated:
    """The figures; the last event.

    Attributes:
        evaluation: the figures and errors.
        results: the scored COCO results.
        coco_set: the ground truth of the scored images.
        wanted: number of images to score; more than ``coco_set`` has after an interrupt.
    """

    evaluation: Evaluation
    results: list[dict]
    coco_set: CocoSet
    wanted: int

    @property
    def interrupted(self) -> bool:
        """Whether only a part of the images was scored."""
        return len(self.coco_set.images) < self.wanted


EvaluationEvent = ImageEvaluated | Note | Evaluated


def run(
    annotations: str | Path,
    images: str | Path | None = None,
    *,
    estimator: PoseEstimator | EstimatorSettings | None = None,
    results: str | Path | None = None,
    options: EvaluationOptions | None = None,
) -> Iterator[EvaluationEvent]:
    """Score an estimator, or a results file of any tool, on a set in COCO's format.

    Ctrl-C and SIGTERM end the estimator after the current image; the images processed so far are scored.

    Args:
        annotations: COCO annotation file with 17 person keypoints.
        images: folder of the set's images; needed for an estimator.
        estimator: an estimator, used as it is; or settings, which `scoring_settings` completes; None for the default.
        results: COCO results file to score in place of an estimator; None to run the estimator.
        options: extent of the evaluation; None for all images without intervals.

    Yields:
        What happens; last `Evaluated`.

    Raises:
        FormatError: the annotations or the results cannot be used.
        KeyboardInterrupt: the interrupt came before the first image was processed.
        ModelError: the estimator's settings do not fit this machine or its weights.
        SettingsError: an estimator is to be run and no folder of images is given.
        SourceError: the folder or an image in it is missing.
    """
    options = options or EvaluationOptions()
    if images is None and results is None:
        raise SettingsError("an estimator needs the folder of the set's images", setting="images")
    if options.turn and results is not None:
        raise SettingsError("a results file cannot be turned; leave this option out", setting="turn")
    coco_set = load_annotations(annotations)
    if options.limit is not None:
        coco_set = coco_set.head(options.limit)
    if images is not None:
        check_images(coco_set, images)
    if results is not None:
        yield from _score_results(coco_set, Path(results), options)
    elif images is not None:
        if estimator is None or isinstance(estimator, EstimatorSettings):
            estimator = PoseEstimator(scoring_settings(estimator or EstimatorSettings(), options))
        yield from _score_estimator(coco_set, Path(images), estimator, options)


def scoring_settings(settings: EstimatorSettings, options: EvaluationOptions) -> EstimatorSettings:
    """Return an estimator's settings for scoring by the protocol of the options.

    A missing joint costs as much as a wrong one, so that every joint is submitted.
    """
    scales, flip = options.scales or (1.0,), bool(options.flip)
    return replace(
        settings,
        detection=replace(settings.detection, scales=scales, flip=flip),
        refinement=replace(settings.refinement, min_joint_score=0.0, flip=flip),
    )


def _score_results(coco_set: CocoSet, path: Path, options: EvaluationOptions) -> Iterator[EvaluationEvent]:
    notes: list[str] = []
    rows = read_results(path, coco_set, notes.append)
    if options.limit is None:  # with a limit, results of the other images are left out on purpose
        yield from map(Note, notes)
    protocol = EvalProtocol(describe_images(coco_set), options.scales, options.flip, estimator=path.name)
    evaluation = evaluate(coco_set, rows, protocol, options.resamples)
    yield Evaluated(evaluation, rows, coco_set, len(coco_set.images))


def _score_estimator(
    coco_set: CocoSet, folder: Path, estimator: PoseEstimator, options: EvaluationOptions
) -> Iterator[EvaluationEvent]:
    settings = estimator.settings
    meter = None
    if settings.refinement.enabled and not options.turn:
        meter = RefinementMeter(estimator, settings.detection.grouping.min_person_score)
    done: list[ImageEstimate] = []
    total = len(coco_set.images)
    with interrupts() as interrupted:
        try:
            seen = TurnedEstimator(estimator, options.turn) if options.turn else meter or estimator
            for one in estimate(seen, coco_set, folder, estimator.skeleton):
                done.append(one)
                yield ImageEvaluated(one, len(done), total)
                if interrupted():
                    break
        except KeyboardInterrupt:
            pass  # a second Ctrl-C within one image
    if not done:
        raise KeyboardInterrupt
    notes = [one.orientation for one in done if one.orientation]
    if notes:
        yield Note(f"{notes[0]}; so are {len(notes) - 1} more" if len(notes) > 1 else notes[0])
    coco_set = coco_set.head(len(done))
    rows = [row for one in done for row in one.results]
    unreadable = tuple(one.failure for one in done if one.failure)
    protocol = replace(
        _protocol(estimator), images=describe_images(coco_set, len(unreadable)), turn=options.turn
    )
    evaluation = evaluate(coco_set, rows, protocol, options.resamples, unreadable)
    if meter is not None:
        read = [one.image_id for one in done if not one.failure]
        gain = meter.gain(coco_set, read, evaluation.scores.metrics["AP"])
        evaluation = replace(evaluation, refinement=gain)
    yield Evaluated(evaluation, rows, coco_set, total)


def _protocol(estimator: PoseEstimator) -> EvalProtocol:
    """Return the protocol of an estimator, without the images."""
    settings = estimator.settings
    return EvalProtocol(
        images="",
        scales=settings.detection.scales,
        flip=settings.detection.flip,
        input_size=f"long side {settings.detection.size}",
        estimator=estimator.provenance.model,
        weights=estimator.provenance.weights_sha256,
        runtime=estimator.name,
        boxes=False,
    )
