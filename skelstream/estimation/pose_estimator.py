"""Images to people: the network and the grouping together, and a second look at each person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from skelstream.errors import ModelError, SettingsError
from skelstream.geometry.letterbox import Letterbox, letterboxed
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.grouping.settings import GroupingSettings
from skelstream.network.model_file import find_model, read_header
from skelstream.network.weights import load_image_network
from skelstream.people import People
from skelstream.refinement.refinement import SecondLook
from skelstream.refinement.refiner import RefinerSettings
from skelstream.refinement.registry import make_refiner
from skelstream.runtimes.averaging import AveragingRuntime
from skelstream.runtimes.registry import choose_runtime
from skelstream.runtimes.runtime import Runtime
from skelstream.skeleton import OPENPOSE18, Skeleton

SIZE = 416
"""Long side of the network's input in pixels unless another is asked for: what the shipped weights were measured at."""

SMALLEST, LARGEST = 64, 4096
"""Of that side: from the network's coarsest maps to what a machine's memory holds."""


@dataclass(frozen=True)
class EstimatorSettings:
    """All that an estimator is made from; may be pickled and sent to another machine.

    Attributes:
        weights: name of a packaged model or path of a weights file; None for the default.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        size: long side of the network's input in pixels.
        grouping: thresholds of the grouping.
        runtime: ``auto``, ``torch`` or ``openvino``; auto is OpenVINO on an x86 CPU where it is installed.
        precision: ``auto``, ``float32``, ``bfloat16``, ``float16`` or ``int8``; auto is the fastest that is native there.
        scales: factors of the input's size whose maps are averaged.
        flip: average in the mirror image's maps too.
        second: how people are looked at again, by a network of their own; None for one look.

    Raises:
        SettingsError: the size or a scale is out of range.
    """

    weights: str | None = None
    device: str = "auto"
    size: int = SIZE
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    runtime: str = "auto"
    precision: str = "auto"
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    second: RefinerSettings | None = None

    def __post_init__(self) -> None:
        if not SMALLEST <= self.size <= LARGEST:
            raise SettingsError(f"size is {self.size}: give {SMALLEST} to {LARGEST} pixels")
        if not self.scales or not all(0.1 <= scale <= 8 for scale in self.scales):
            raise SettingsError(f"scales are {self.scales}: give factors from 0.1 to 8")


@dataclass(frozen=True)
class Provenance:
    """What people were found with, as files of skeletons keep it.

    Attributes:
        model: name of the weights.
        weights_sha256: of the weights file.
        settings: of the estimator, as JSON takes them.
    """

    model: str
    weights_sha256: str
    settings: dict[str, Any]


class Estimator(Protocol):
    """Anything that finds people in images, in three steps that a pipeline runs side by side.

    Attributes:
        skeleton: the V joints of the people, and the limbs to draw.
        batch: images that it likes to see at a time.
        provenance: what it is.
    """

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def batch(self) -> int: ...

    @property
    def provenance(self) -> Provenance: ...

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """First step: a uint8 RGB image (H, W, 3) as network input, and the way back."""
        ...

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Second step: peaks and limbs of network inputs of one size."""
        ...

    def group(self, candidates: Candidates, letterbox: Letterbox) -> People:
        """Third step: people in source pixels."""
        ...

    def second_look(self) -> SecondLook | None:
        """A fourth step for one video's people, with its own count of what it did; None for one look."""


class PoseEstimator:
    """Finds the people in images: the ``Estimator`` that the package is about.

    One estimator serves any number of images and videos, also at a time.

    Args:
        settings: of the network and the grouping.

    Raises:
        ModelError: the weights, the device, the runtime or the precision cannot be used.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """

    def __init__(self, settings: EstimatorSettings = EstimatorSettings()):  # noqa: B008 - frozen
        model = read_header(find_model(settings.weights))
        if model.architecture == "topdown":
            raise ModelError(f"{model.path}: weights of the second look, which cannot find people by itself")
        options = settings.device, settings.runtime, settings.precision
        runtime: Runtime | AveragingRuntime = choose_runtime(load_image_network(model), *options)
        if settings.flip or settings.scales != (1.0,):
            runtime = AveragingRuntime(runtime, settings.scales, settings.flip)
        self.runtime, self.settings = runtime, settings
        self._grouping, self._refiner, looked_again = settings.grouping, None, None
        second = settings.second
        if second is not None and second.looks != 0:
            self._refiner = make_refiner(second, *options)
            least = min(settings.grouping.min_person_score, second.min_first_score)
            self._grouping = replace(settings.grouping, min_person_score=least)
            looked_again = asdict(second) | {"sha256": self._refiner.weights_sha256}
        self.provenance = Provenance(
            model.path.stem,
            model.sha256(),
            {
                "size": settings.size,
                "runtime": self.name,
                "grouping": asdict(self._grouping),
                "second_look": looked_again,
            },
        )

    @property
    def name(self) -> str:
        """What runs where, for people to read."""
        return self.runtime.name + (f", then {self._refiner.name}" if self._refiner else "")

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the people that it finds, and the limbs to draw; the network may know further limbs."""
        return OPENPOSE18

    @property
    def batch(self) -> int:
        """Images that the device likes to see at a time."""
        return self.runtime.batch

    @property
    def torch_threads(self) -> int | None:
        """Threads of torch that go well with what runs the network; None if it does not matter."""
        return self.runtime.torch_threads

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """First step: a uint8 RGB image (H, W, 3) as network input, and the way back."""
        return letterboxed(image, self.settings.size, self.runtime.size_divisor)

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Second step: peaks and limbs of network inputs of one size."""
        maps = self.runtime.maps(np.stack(inputs))
        return find_candidates(maps, self.runtime.skeleton, self._grouping)

    def group(self, candidates: Candidates, letterbox: Letterbox) -> People:
        """Third step: people in source pixels."""
        return assemble(candidates, self.runtime.skeleton, letterbox=letterbox, settings=self._grouping)

    def second_look(self) -> SecondLook | None:
        """A fourth step for one video's people, with its own count of what it did; None for one look."""
        second = self.settings.second
        if self._refiner is None or second is None:
            return None
        return SecondLook(self._refiner, second, self.skeleton, self.settings.grouping.min_person_score)

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """The people of each image; images of one size go through the network in batches.

        Args:
            images: uint8 RGB (H, W, 3), of any sizes.

        Returns:
            One ``People`` an image, keypoints in its pixels, in the joints of ``skeleton``.
        """
        sizes = defaultdict(list)
        for number, image in enumerate(images):
            sizes[image.shape].append(number)
        result, look_again = {}, self.second_look()
        for numbers in sizes.values():
            for start in range(0, len(numbers), self.batch):
                batch = numbers[start : start + self.batch]
                inputs, letterboxes = zip(*(self.prepare(images[n]) for n in batch), strict=True)
                for number, candidates, place in zip(batch, self.infer(inputs), letterboxes, strict=True):
                    people = self.group(candidates, place)
                    result[number] = look_again(images[number], people) if look_again else people
        return [result[number] for number in range(len(images))]


def two_looks() -> PoseEstimator:
    """An estimator that looks at everybody twice, with the default weights on the best device."""
    return PoseEstimator(EstimatorSettings(second=RefinerSettings()))
