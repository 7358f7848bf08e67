"""Recipes: all settings of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from skelstream.errors import SettingsError
from skelstream.evaluation.scoring import METRICS
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.top_down import TopDownConfig
from skelstream.training.annotations import SetConfig
from skelstream.training.augment import Augmentation
from skelstream.training.crops import CropAugmentation
from skelstream.training.detected_people import DetectionConfig
from skelstream.training.samples import Emphasis
from skelstream.training.schedule import Schedule

PRECISIONS = ("auto", "bfloat16", "float16", "float32")
PCK = "PCK"
"""Name of the figure for sets with one labelled person per image, beside COCO's figures."""


@dataclass(frozen=True)
class EvaluationConfig:
    """The evaluation set, on which a run's weights are scored; it provides no training samples.

    Attributes:
        annotations: COCO annotation file with 17 keypoints per person.
        images: folder of the images.
        metric: the figure that decides which weights are the best: ``AP`` or another of COCO's figures, or
            ``PCK`` for sets with one labelled person per image.
        size: long side of the network's input in pixels.
        every: number of samples between evaluations.
        limit: number of images to use, the first ones; 0 for all.
    """

    annotations: Path
    images: Path
    metric: str = "AP"
    size: int = 416
    every: int = 10_000
    limit: int = 0

    def __post_init__(self) -> None:
        if self.metric not in (*METRICS, PCK):
            raise SettingsError(f"metric {self.metric!r} is not one of {', '.join((*METRICS, PCK))}")
        _require_positive(self, "size", "every")


@dataclass(frozen=True)
class Recipe:
    """All settings that determine a run's result.

    Attributes:
        sets: training sets.
        network: settings of the bottom-up or the top-down network.
        augmentation: random changes of the bottom-up network's views or the top-down network's crops.
        emphasis: weights of small and of half-hidden people in the bottom-up network's loss.
        detection: the detection whose results the top-down network learns to refine.
        teacher: packaged model or weights file that teaches the top-down network; "" for its initial weights.
        samples: number of samples that the run sees, rounded down to whole batches.
        minutes: training time in minutes, in place of ``samples``; 0 to use ``samples``.
        batch: number of samples per optimiser step, over all processes and accumulated parts.
        accumulate: number of parts in which a batch is computed, to save memory.
        learning_rate: highest learning rate of the stages.
        backbone_learning_rate: highest learning rate of the backbone as a part of ``learning_rate``, for a
            channel with a root mean square of 1; each channel's rate is in proportion to its root mean
            square.
        frozen: number of leading blocks of the backbone that are not trained; on a CPU their backward pass
            takes most of a step's time. 0 trains all.
        warmup: number of samples over which the rate rises.
        cooldown: last part of the run, in [0, 1], over which the rate falls to zero.
        weight_decay: weight decay of AdamW.
        clip: greatest norm of the stages' gradient.
        ema_decay: decay of the exponential moving average of the weights, per step.
        precision: number format of the network's arithmetic: ``bfloat16``, ``float16`` (CUDA only, with a
            scaled loss), ``float32``, or ``auto``, the faster one of bfloat16 and float32 on this machine.
            Weights and loss are always float32.
        seed: seed of the sampling order, the augmentation and the initial weights.
        evaluation: the evaluation set, or None.
        licence: licence of the weights, with the terms of their start and of the data, for their card.
        name: name of the recipe, for the weights' card.
    """

    sets: list[SetConfig]
    network: PafConfig | TopDownConfig
    augmentation: Augmentation | CropAugmentation
    samples: int
    emphasis: Emphasis = field(default_factory=Emphasis)
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    teacher: str = ""
    minutes: float = 0.0
    batch: int = 16
    accumulate: int = 1
    learning_rate: float = 1e-3
    backbone_learning_rate: float = 0.5
    frozen: int = 0
    warmup: int = 3200
    cooldown: float = 1 / 3
    weight_decay: float = 1e-4
    clip: float = 10.0
    ema_decay: float = 0.998
    precision: str = "auto"
    seed: int = 0
    evaluation: EvaluationConfig | None = None
    name: str = ""
    licence: str = "not stated"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise SettingsError(f"precision {self.precision!r} is not one of {', '.join(PRECISIONS)}")
        if isinstance(self.augmentation, Augmentation) and self.augmentation.crop % PafNetwork.size_divisor:
            raise SettingsError(
                f"crop {self.augmentation.crop} is not divisible by {PafNetwork.size_divisor}"
            )
        if not 0 <= self.cooldown <= 1:
            raise SettingsError("cooldown must be between 0 and 1")
        if self.minutes < 0:
            raise SettingsError("minutes must not be negative")
        _require_positive(self, "samples", "batch", "accumulate", "learning_rate", "clip")
        if self.batch % self.accumulate:
            raise SettingsError(
                f"a batch of {self.batch} cannot be computed in {self.accumulate} equal parts"
            )
        if self.samples < self.batch:
            raise SettingsError(f"{self.samples} samples are less than one batch of {self.batch}")

    @property
    def total(self) -> int:
        """Number of samples of all whole batches."""
        return self.samples - self.samples % self.batch

    @property
    def needs_detection(self) -> bool:
        """Whether the network is trained on the results of detection."""
        return isinstance(self.network, TopDownConfig)

    @property
    def schedule(self) -> Schedule:
        """The learning rate over the run."""
        return Schedule(self.total, self.minutes, self.warmup, self.cooldown)

    @property
    def end(self) -> list[float]:
        """The settings that determine where the run ends and when its cool-down begins."""
        return [self.total, self.minutes, self.cooldown]

    def fixed_settings(self) -> dict[str, object]:
        """Return the settings that a resumed run must share with its training checkpoint, as plain values.

        The end of the run and the paths of the data may differ.
        """
        plain = asdict(self)
        sets = [{k: v for k, v in s.items() if k not in ("annotations", "images")} for s in plain.pop("sets")]
        for other in ("evaluation", "name", "licence", "samples", "minutes", "cooldown"):
            del plain[other]
        return _flat(plain) | {f"set {i}: {k}": v for i, s in enumerate(sets, 1) for k, v in s.items()}


def _flat(values: dict[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in value.items()}
        else:
            flat[name] = list(value) if isinstance(value, tuple) else value
    return {k: list(v) if isinstance(v, tuple) else v for k, v in flat.items()}


def _require_positive(settings: object, *names: str) -> None:
    for name in names:
        if not getattr(settings, name) > 0:
            raise SettingsError(f"{name} must be above 0")
