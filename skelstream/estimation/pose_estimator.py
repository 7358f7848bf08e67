"""The estimator of the package: detection, grouping and refinement together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from skelstream.errors import ModelError, SettingsError
from skelstream.estimation.protocol import Provenance, infer_all
from skelstream.estimation.views import merged, turns_of
from skelstream.files.arguments import instance_argument
from skelstream.geometry.letterbox import Letterbox, letterboxed
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.network.lazy_network import lazy_network
from skelstream.network.model_file import find_model, read_header
from skelstream.people import People
from skelstream.refinement.parts.joining import refine_parts
from skelstream.refinement.parts.registry import make_part_refiners
from skelstream.refinement.refinement import Refinement
from skelstream.refinement.registry import make_refiner
from skelstream.runtimes.averaging import AveragingRuntime
from skelstream.runtimes.registry import choose_runtime
from skelstream.runtimes.runtime import Runtime
from skelstream.settings.estimation import EstimatorSettings
from skelstream.skeleton import OPENPOSE18, Skeleton, convert


class PoseEstimator:
    """Finds the people in images; one estimator serves any number of images and videos, also at the same time.

    Args:
        settings: networks, thresholds, and what runs them.

    Raises:
        ModelError: the weights cannot be used.
        SettingsError: the weights do not exist, or the device, the runtime or the precision cannot be used.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """

    def __init__(self, settings: EstimatorSettings = EstimatorSettings()):  # noqa: B008 - frozen
        instance_argument(settings, EstimatorSettings, "settings")
        detection, refinement = settings.detection, settings.refinement
        model = read_header(find_model(detection.weights))
        network = lazy_network(model)
        if network.takes_crops:
            raise ModelError(
                f"{model.path}: refinement weights, which cannot find people; give detection weights"
            )
        options = settings.device, settings.runtime, settings.precision
        with ThreadPoolExecutor(1, "skelstream-refiner") as beside:
            refiner = beside.submit(make_refiner, refinement, *options) if refinement.enabled else None
            parts = beside.submit(make_part_refiners, settings.parts, settings.precision)
            runtime: Runtime | AveragingRuntime = choose_runtime(network, *options)
        if detection.flip or detection.scales != (1.0,):
            runtime = AveragingRuntime(runtime, detection.scales, detection.flip)
        self.runtime, self.settings = runtime, settings
        self._grouping, self._refiner = detection.grouping, None
        if refiner is not None:
            self._refiner = refiner.result()
            least = min(detection.grouping.min_person_score, refinement.min_detection_score)
            self._grouping = replace(detection.grouping, min_person_score=least)
        self.parts = parts.result()
        if self.parts and self.skeleton is not OPENPOSE18:
            raise SettingsError(
                f"{refinement.weights}: finds hands and face itself, in the joints {self.skeleton.name}",
                setting=self.parts[0].name,
            )
        self.provenance = Provenance(
            model.path.stem,
            network.sha256 or "",
            settings.to_json(),
            self.name,
            refinement.weights if self._refiner else None,
            self._refiner.weights_sha256 if self._refiner else None,
        )

    @property
    def name(self) -> str:
        """The runtimes of the networks, for people to read."""
        refiners = [*([self._refiner.name] if self._refiner else []), *(part.network for part in self.parts)]
        return ", then ".join([self.runtime.name, *refiners])

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the people, and the limbs to draw: those of the refiner if it finds hands and face too."""
        if self._refiner is None or set(self._refiner.skeleton.parts) == {"body"}:
            return OPENPOSE18
        return self._refiner.skeleton

    @property
    def batch(self) -> int:
        """Preferred batch size on this device."""
        return self.runtime.batch

    @property
    def torch_threads(self) -> int | None:
        """Number of torch threads that suits the runtime; None if it does not matter."""
        return self.runtime.torch_threads

    @property
    def orientations(self) -> int | str:
        """Turned views to detect in; see ``DetectionSettings``."""
        return self.settings.detection.orientations

    def prepare(self, image: np.ndarray, turn: int = 0) -> tuple[np.ndarray, Letterbox]:
        """Return a uint8 RGB image (H, W, 3) as network input, and the way back to source pixels; see ``Estimator``."""
        return letterboxed(image, self.settings.detection.size, self.runtime.size_divisor, turn)

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Return peaks and scored limbs of network inputs that share one size."""
        maps = self.runtime.maps(np.stack(inputs))
        return find_candidates(maps, self.runtime.skeleton, self._grouping)

    def group(self, views: Sequence[tuple[Candidates, Letterbox]]) -> People:
        """Return the people detected in the views of one image, in source pixels."""
        found = {
            round(box.turn): assemble(
                candidates, self.runtime.skeleton, letterbox=box, settings=self._grouping
            )
            for candidates, box in views
        }
        people = merged(found, OPENPOSE18, self._grouping.min_person_score)
        if self.skeleton is OPENPOSE18:
            return people
        keypoints, scores = convert(people.keypoints, people.scores, OPENPOSE18, self.skeleton)
        return replace(people, keypoints=keypoints, scores=scores)

    def refinement(self) -> Refinement | None:
        """Return a refinement for one video, with its own state and counts; None for detection alone."""
        if self._refiner is None:
            return None
        least = self.settings.detection.grouping.min_person_score
        return Refinement(self._refiner, self.settings.refinement, self.skeleton, least)

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """Return the people of each image, in the joints of ``skeleton``, then those of ``parts``, in the image's pixels.

        Args:
            images: uint8 RGB (H, W, 3) of any sizes; images of one size share batches.

        Raises:
            SettingsError: one of them is something else.
        """
        for number, image in enumerate(images):
            _check_image(image, number)
        found = zip(images, self.detected(images), strict=True)
        refinement = self.refinement()
        refined = [
            (image, refinement.refine(image, people) if refinement else people) for image, people in found
        ]
        return [refine_parts(image, people, self.skeleton, self.parts) for image, people in refined]

    def detected(self, images: Sequence[np.ndarray]) -> list[People]:
        """Return the people of each image before refinement; see ``people``."""
        views = [
            self.prepare(image, turn) for image in images for turn in turns_of(self.orientations, photo=True)
        ]
        found = infer_all(self, [network_input for network_input, _ in views])
        each = len(views) // max(len(images), 1)
        pairs = list(zip(found, (letterbox for _, letterbox in views), strict=True))
        return [self.group(pairs[start : start + each]) for start in range(0, len(pairs), each)]


def _check_image(image: object, number: int) -> None:
    """Check that an image of a list is a uint8 array (H, W, 3)."""
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return
        found = f"an array {image.shape} of {image.dtype}"
    else:
        found = f"of type {type(image).__name__}"
    raise SettingsError(
        f"image {number} is {found}: give a list of uint8 RGB arrays (H, W, 3)", setting="images"
    )
