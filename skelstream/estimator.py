"""Pictures to people: the network and the grouping together, and a second look at each person."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skelstream.errors import ModelError
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.grouping.people import People
from skelstream.grouping.settings import GroupingSettings
from skelstream.letterbox import Letterbox, letterboxed
from skelstream.network.model_file import ModelFile, find_model, read_header
from skelstream.network.weights import load_network
from skelstream.refiner.looks import SecondLook
from skelstream.refiner.refiner import RefinerSettings, TopDownRefiner
from skelstream.runtimes.registry import choose_runtime
from skelstream.runtimes.runtime import Runtime
from skelstream.skeleton import OPENPOSE18, Skeleton

SIZE = 416
"""Long side of the network's input in pixels unless another is asked for: what the shipped weights were measured at."""

SMALLEST, LARGEST = 64, 4096
"""Of that side: from the network's coarsest maps to what a machine's memory holds."""


class PoseEstimator:
    """Finds the people in pictures.

    One estimator serves any number of pictures and videos, also at a time: the network takes one caller after the
    other. The three steps of ``people`` are open to a pipeline that runs them side by side.

    Args:
        weights: name of a packaged model or path of a weights file.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        size: long side of the network's input in pixels.
        grouping: thresholds of the grouping.
        runtime: ``auto``, ``torch`` or ``openvino``; auto is OpenVINO on an x86 CPU where it is installed.
        precision: ``auto``, ``float32``, ``bfloat16``, ``float16`` or ``int8``; auto is the fastest that is native there.
        second: how people are looked at again, by a network of their own; None for one look.

    Raises:
        ModelError: the weights, the device, the size, the runtime or the precision cannot be used.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """

    def __init__(
        self,
        weights: str | None = None,
        device: str = "auto",
        size: int = SIZE,
        grouping: GroupingSettings = GroupingSettings(),
        runtime: str = "auto",
        precision: str = "auto",
        second: RefinerSettings | None = None,
    ):
        if not SMALLEST <= size <= LARGEST:
            raise ModelError(f"size is {size}: give {SMALLEST} to {LARGEST} pixels")
        self.model: ModelFile = read_header(find_model(weights))
        if self.model.architecture == "topdown":
            raise ModelError(
                f"{self.model.path}: weights of the second look, which cannot find people by itself"
            )
        self.runtime: Runtime = choose_runtime(load_network(self.model), device, runtime, precision)
        self._least_unseen, self._refiner = grouping.min_person_score, None
        if second is not None and second.looks != 0:
            self._refiner = TopDownRefiner(second.weights, device, runtime, precision)
            least = min(grouping.min_person_score, second.min_first_score)
            grouping = replace(grouping, min_person_score=least)
        self.size, self.grouping, self.second = size, grouping, second if self._refiner else None
        self.weights_sha256 = self.model.sha256()
        self._turn = threading.Lock()  # a runtime has memory for one run

    @property
    def name(self) -> str:
        """What runs where, for people to read."""
        return self.runtime.name + (f", then {self._refiner.name}" if self._refiner else "")

    @property
    def second_sha256(self) -> str | None:
        """Of the second look's weights; None for one look."""
        return self._refiner.weights_sha256 if self._refiner else None

    def second_look(self) -> SecondLook | None:
        """The last step, with its own count of what it did; None for one look."""
        if self._refiner is None or self.second is None:
            return None
        return SecondLook(self._refiner, self.second, self.skeleton, self._least_unseen)

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the people that it finds, and the limbs to draw; the network may know further limbs."""
        return OPENPOSE18

    def letterbox(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """First step: a uint8 RGB picture (H, W, 3) as network input, and the way back."""
        return letterboxed(image, self.size, self.runtime.size_divisor)

    def candidates(self, inputs: Sequence[np.ndarray]) -> tuple[list[Candidates], int]:
        """Second step: peaks and limbs of network inputs of one size, and the stride of the maps they are in."""
        with self._turn:
            maps = self.runtime.maps(np.stack(inputs))
            return find_candidates(maps, self.runtime.skeleton, self.grouping), maps.stride

    def group(self, candidates: Candidates, letterbox: Letterbox, stride: int) -> People:
        """Third step: people in source pixels."""
        return assemble(
            candidates, self.runtime.skeleton, letterbox=letterbox, stride=stride, settings=self.grouping
        )

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """The people of each picture.

        Args:
            images: uint8 RGB (H, W, 3), of any sizes.

        Returns:
            One ``People`` a picture, keypoints in its pixels, in the joints of ``skeleton``.
        """
        result, look_again = [], self.second_look()
        for image in images:
            network_input, letterbox = self.letterbox(image)
            (candidates,), stride = self.candidates([network_input])
            people = self.group(candidates, letterbox, stride)
            result.append(look_again(image, people) if look_again else people)
        return result


def two_looks() -> PoseEstimator:
    """An estimator that looks at everybody twice, with the default weights on the best device."""
    return PoseEstimator(second=RefinerSettings())
