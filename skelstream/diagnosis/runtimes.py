"""Checks of the runtimes: which one is chosen and why, and one frame run by each."""

from __future__ import annotations

import importlib.util
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from skelstream.diagnosis.check import Check, State, checked
from skelstream.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from skelstream.estimation.pose_estimator import PoseEstimator

_HEIGHT, _WIDTH = 480, 640
# Correlation of the maps of one image by two runtimes: 0.98 for eight bits and bfloat16; 0.3 for different
# images.
_LEAST_CORRELATION = 0.9
# The first calls load code and memory, and CPUs raise their clock.
_WARM_UP, _SAMPLES, _LONGEST_SECONDS = 2, 7, 3.0


def runtimes() -> Iterator[Check]:
    """Yield a check of the chosen runtime, and one of each runtime: it runs, its time, and agreement with torch."""
    yield checked("runtimes", "chosen", _chosen)
    for name in _names():
        yield checked("runtimes", name, lambda name=name: _timed(name))


def _names() -> list[str]:
    try:
        from skelstream.runtimes.registry import RUNTIMES
    except ImportError:
        return []  # the check of the chosen runtime reports the reason
    return list(RUNTIMES)


def _chosen() -> Check:
    from skelstream.estimation.pose_estimator import PoseEstimator

    return Check("runtimes", "chosen", State.FINE, f"{PoseEstimator().name}: {_reason()}")


def _reason() -> str:
    """Return the reason of the choice, in the order in which the choice is made."""
    from skelstream.runtimes.device import choose_device

    device = choose_device().type
    if device != "cpu":
        return f"torch finds {device}"
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"no GPU, and OpenVINO is faster than torch on x86 CPUs only, not on {platform.machine()}"
    if not importlib.util.find_spec("openvino"):
        return "no GPU, and OpenVINO, which is about three times as fast as torch, is not installed"
    return "no GPU, an x86 CPU, OpenVINO is installed, and the weights contain the ranges that int8 needs"


def _timed(name: str) -> Check:
    """Time one frame: the median of several, after some to warm up."""
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.settings.estimation import EstimatorSettings

    image = _image()
    try:
        estimator = PoseEstimator(EstimatorSettings().with_options(runtime=name, refine=0))
    except MissingExtraError as error:
        return Check("runtimes", name, State.UNAVAILABLE, str(error))
    milliseconds = round(1000 * _median_seconds(lambda: estimator.people([image])), 1)
    agreement = _correlation(_maps(estimator, image), _maps(_reference(), image))
    detail = f"{estimator.name}, a frame of {_WIDTH} x {_HEIGHT} in {milliseconds:.0f} ms"
    if agreement < _LEAST_CORRELATION:
        wrong = (
            f"{detail}, but its maps differ from torch in float32 on the CPU (correlation {agreement:.2f})"
        )
        return Check("runtimes", name, State.BROKEN, wrong, milliseconds)
    return Check("runtimes", name, State.FINE, detail, milliseconds)


def _median_seconds(work: Callable[[], object]) -> float:
    """Return the median duration of several calls after some to warm up; fewer where a call takes long."""
    durations: list[float] = []
    began = time.perf_counter()
    while len(durations) < _WARM_UP + _SAMPLES:
        started = time.perf_counter()
        work()
        durations.append(time.perf_counter() - started)
        if len(durations) > _WARM_UP and time.perf_counter() - began > _LONGEST_SECONDS:
            break
    return statistics.median(durations[_WARM_UP:])


def _reference() -> PoseEstimator:
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.settings.estimation import EstimatorSettings

    on_torch = {"device": "cpu", "runtime": "torch", "precision": "float32"}
    return PoseEstimator(EstimatorSettings().with_options(refine=0, **on_torch))


def _image() -> np.ndarray:
    """Return smooth noise, uint8 RGB (480, 640, 3), for which maps vary as much as for photos."""
    import cv2
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
    return cv2.resize(noise, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)


def _maps(estimator: PoseEstimator, image: np.ndarray) -> torch.Tensor:
    network_input, _ = estimator.prepare(image)
    return estimator.runtime.maps(network_input[None]).confidence.float().cpu()


def _correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the correlation of two maps; 0 if one of them is not finite."""
    import torch

    found = torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]
    return float(found.nan_to_num(0))
