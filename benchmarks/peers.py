"""skelstream beside a top-down pair, a person detector and a pose network, in one run on the same clips and images.

    python benchmarks/peers.py CLIP... --pose POSE.xml [--detector DETECTOR.xml] [--layout L] [--size N]
        [--annotations A.json --images FOLDER]

Both networks are ONNX files or OpenVINO IR. POSE has a description beside it, as for ``--refiner``. The pair decodes, detects
and estimates poses side by side in three threads, as skelstream does, and does not track. Without a detector it is given the
boxes of skelstream's people in no time, so that no detector could make it faster. Contenders take turns; each figure is of the
best turn, and what counts are the ratios. Run it on a machine with nothing else to do.

Layouts of the detector's outputs, each for an image that is stretched to N x N:

    split        boxes (1, D, 4) in its pixels and scores (1, classes, D) or (1, D, classes)
    yolo         (1, 4 + classes, D): centre, width, height in its pixels, scores
    rows         (D, 6): class, score, x0, y0, x1, y1 in its pixels
    ssd          (1, 1, D, 7): image, class, score, x0, y0, x1, y1 in [0, 1]
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.evaluation.annotations import load_annotations
from skelstream.evaluation.estimates import ImageEstimator, estimate
from skelstream.evaluation.scoring import score
from skelstream.extraction.extraction import run
from skelstream.extraction.settings import ExtractionSettings
from skelstream.geometry.crops import joints_boxes
from skelstream.people import People
from skelstream.pipeline.queues import StageQueue
from skelstream.refinement.registry import make_refiner
from skelstream.runtimes.graph_file import with_preprocessing
from skelstream.runtimes.graph_input import GraphInput
from skelstream.runtimes.openvino_import import ov
from skelstream.runtimes.openvino_queue import ImageQueue, compile_settings, compiled
from skelstream.settings.refinement import RefinementSettings
from skelstream.skeleton import OPENPOSE18, convert
from skelstream.video import open_source

_NMS_IOU = 0.6
# From a frame's number and image to boxes (D, 4) and scores (D,), as ``Detector.boxes``.
BoxesOf = Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]]
OURS = {
    "extract": {},
    "extract --detect-every 8": {"detect_every": 8},
    "extract --detect-every 1": {"detect_every": 1},
    "extract --refine 0": {"refine": 0},
}


@dataclass
class Detector:
    """A person detector.

    Attributes:
        queue: network from uint8 RGB (1, N, N, 3) to its outputs.
        layout: layout of the outputs.
        size: N.
        person: number of the class of people.
        least: least score of a box.
    """

    queue: ImageQueue
    layout: str
    size: int
    person: int
    least: float

    def on(self, clip: Path) -> BoxesOf:
        """Return the function that detects in a clip's frames."""
        return lambda _, image: self.boxes(image)

    def boxes(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes (D, 4), x0, y0, x1, y1 in the image's pixels, and their scores (D,), of an image uint8 (H, W, 3)."""
        small = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_LINEAR)
        outputs = [output.numpy() for output in self.queue(small[None])]
        boxes, scores = _LAYOUTS[self.layout](outputs, self.person, self.size)
        kept = scores >= self.least
        boxes, scores = boxes[kept], scores[kept]
        sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        rows = cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), self.least, _NMS_IOU)
        rows = np.array(rows, int).ravel()
        scale = np.tile([image.shape[1] / self.size, image.shape[0] / self.size], 2)
        return (boxes[rows] * scale).astype(np.float32), scores[rows].astype(np.float32)


class GivenBoxes:
    """The boxes of the people that skelstream finds."""

    def __init__(self) -> None:
        self._clips: dict[Path, dict[int, np.ndarray]] = {}

    def on(self, clip: Path) -> BoxesOf:
        """Return the function that looks up the boxes of a clip's frames, after skelstream has been through it."""
        if clip not in self._clips:
            people = run(clip, ExtractionSettings()).sequence
            boxes = joints_boxes(people.keypoints)
            self._clips[clip] = {int(n): boxes[people.frame == n] for n in np.unique(people.frame)}
        found, nobody = self._clips[clip], np.empty((0, 4), np.float32)

        def boxes_of(number: int, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            boxes = found.get(number, nobody)
            return boxes, np.ones(len(boxes), np.float32)

        return boxes_of


def _split(outputs: list[np.ndarray], person: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    boxes = next(o for o in outputs if o.shape[-1] == 4)[0]
    scores = next(o for o in outputs if o.shape[-1] != 4)[0]
    return boxes, (scores if scores.shape[1] == len(boxes) else scores.T)[person]


def _yolo(outputs: list[np.ndarray], person: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    centre, sides = outputs[0][0, :2].T, outputs[0][0, 2:4].T
    return np.concatenate([centre - sides / 2, centre + sides / 2], 1), outputs[0][0, 4 + person]


def _rows(outputs: list[np.ndarray], person: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rows = next(o for o in outputs if o.shape[-1] == 6).reshape(-1, 6)
    return rows[:, 2:], np.where(rows[:, 0] == person, rows[:, 1], 0)


def _ssd(outputs: list[np.ndarray], person: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rows = outputs[0].reshape(-1, 7)
    return rows[:, 3:] * size, np.where(rows[:, 1] == person, rows[:, 2], 0)


_LAYOUTS = {"split": _split, "yolo": _yolo, "rows": _rows, "ssd": _ssd}


def read_detector(options: argparse.Namespace) -> Detector:
    """Return the detector of the options, compiled as skelstream compiles its own networks."""
    core, n = ov.Core(), options.size
    graph = core.read_model(options.detector)
    if len(graph.inputs) != 1:
        raise SystemExit(
            f"{options.detector}: it has {len(graph.inputs)} inputs; give one with the image alone"
        )
    graph = with_preprocessing(
        graph, GraphInput(n, n, options.mean, options.std, "bgr" if options.bgr else "rgb")
    )
    network = compiled(core, graph, compile_settings(core, "auto", crops=False))
    return Detector(ImageQueue(network, crops=False), options.layout, n, options.person, options.least)


class Pair:
    """A detector, or the boxes that one would give, and a pose network."""

    def __init__(self, detector: Detector | GivenBoxes, pose: Path):
        self._detector = detector
        self._pose = make_refiner(RefinementSettings(weights=str(pose)))

    def posed(self, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> People:
        """Return the people in the boxes of an image."""
        keypoints, given = self._pose.joints(image, boxes)
        keypoints, given = convert(keypoints, given, self._pose.skeleton, OPENPOSE18)
        return People(keypoints, given, scores * given.mean(1), boxes)

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """Return the people of images; see ``ImageEstimator``."""
        assert isinstance(self._detector, Detector)
        return [self.posed(image, *self._detector.boxes(image)) for image in images]

    def rate(self, clip: Path) -> tuple[float, float]:
        """Return frames per second of a clip from file to people, and people per frame."""
        boxes_of = self._detector.on(clip)
        began, people, frames = time.perf_counter(), 0, 0
        with open_source(clip) as source:
            images = StageQueue(4)
            found = StageQueue(4)

            def decoded() -> Iterator[tuple[int, np.ndarray]]:
                yield from ((frame.index, frame.image) for frame in source if frame.image is not None)

            def detected() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
                for number, image in images:
                    yield image, *boxes_of(number, image)

            stages = [(images, decoded()), (found, detected())]
            threads = [threading.Thread(target=queue.fill, args=(items,)) for queue, items in stages]
            for thread in threads:
                thread.start()
            for image, boxes, scores in found:
                people += len(self.posed(image, boxes, scores))
                frames += 1
            for thread in threads:
                thread.join()
        return frames / (time.perf_counter() - began), people / frames


def our_rate(clip: Path, settings: ExtractionSettings, estimator: PoseEstimator) -> tuple[float, float]:
    """Return frames per second of a clip with skelstream, and tracked people per frame."""
    done = run(clip, settings, estimator=estimator)
    frames = len(done.sequence.frame_time)
    return frames / done.seconds, len(done.sequence.frame) / frames


def clips_table(clips: list[Path], pair: Pair, rounds: int) -> Table:
    """Return frames per second of all contenders, and their ratios to the pair."""
    settings = {name: ExtractionSettings().with_options(**options) for name, options in OURS.items()}
    estimators = {name: PoseEstimator(one.estimator) for name, one in settings.items()}
    contenders: dict[str, Callable[[Path], tuple[float, float]]] = {"detector + pose network": pair.rate}
    for name, one in settings.items():
        contenders[name] = lambda clip, one=one, name=name: our_rate(clip, one, estimators[name])
    table = Table("clip", *contenders)
    for clip in clips:
        turns = [{name: contender(clip) for name, contender in contenders.items()} for _ in range(rounds)]
        best = {name: max(turn[name] for turn in turns) for name in contenders}
        reference = best["detector + pose network"][0]
        cells = (
            f"{rate:.1f} ({rate / reference:.2f} x), {people:.1f} people" for rate, people in best.values()
        )
        table.add_row(clip.name, *cells)
    return table


def images_table(annotations: Path, images: Path, pair: Pair) -> Table:
    """Return AP and milliseconds per image of the pair and of skelstream."""
    coco_set = load_annotations(annotations)
    contenders: dict[str, ImageEstimator] = {"detector + pose network": pair}
    for name, options in {"skelstream": {}, "skelstream --orientations 1": {"orientations": 1}}.items():
        contenders[name] = PoseEstimator(ExtractionSettings().with_options(**options).estimator)
    table = Table("", "AP", "ms per image")
    for name, contender in contenders.items():
        began = time.perf_counter()
        rows = [row for one in estimate(contender, coco_set, images) for row in one.results]
        seconds = time.perf_counter() - began
        ap = score(coco_set, rows).metrics["AP"]
        table.add_row(name, f"{ap:.1f}", f"{1000 * seconds / len(coco_set.images):.0f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--detector", type=Path, help="person detector, .onnx or .xml")
    parser.add_argument("--pose", type=Path, required=True, help="pose network, .onnx or .xml with a .toml")
    parser.add_argument(
        "--layout", choices=_LAYOUTS, default="split", help="layout of the detector's outputs"
    )
    parser.add_argument("--size", type=int, default=320, help="side of the detector's input")
    parser.add_argument("--person", type=int, default=0, help="number of the class of people")
    parser.add_argument("--least", type=float, default=0.3, help="least score of a box")
    parser.add_argument("--mean", type=float, nargs=3, default=[123.675, 116.28, 103.53])
    parser.add_argument("--std", type=float, nargs=3, default=[58.395, 57.12, 57.375])
    parser.add_argument("--bgr", action="store_true", help="the detector takes blue first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--annotations", type=Path, help="COCO keypoint annotations, to compare AP as well")
    parser.add_argument("--images", type=Path, help="folder of their images")
    options = parser.parse_args()
    if options.annotations and not options.detector:
        parser.error("AP needs a --detector")
    detector = read_detector(options) if options.detector else GivenBoxes()
    pair, console = Pair(detector, options.pose), Console(width=180)
    if options.clips:
        console.print("frames/s from file to people, ratio to the pair, people per frame")
        console.print(clips_table(options.clips, pair, options.rounds))
    if options.annotations and options.images:
        console.print(images_table(options.annotations, options.images, pair))


if __name__ == "__main__":
    main()
