"""Recipes: all settings of a training run, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from skelstream.errors import FormatError, SettingsError
from skelstream.evaluation.scoring import METRICS
from skelstream.files.values import integer, items, mapping, real, reals, refuse, string, truth
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

# Settings of the networks that recipes train, and of the augmentation of their samples.
_TRAINABLE = {"paf": (PafConfig, Augmentation), "topdown": (TopDownConfig, CropAugmentation)}
_Settings = TypeVar("_Settings")
# Limits of numbers that the settings do not check themselves; ``_LIMIT`` holds for all others.
_LIMITS = {
    "crop": (32, 8192), "size": (32, 8192), "batch": (1, 65_536), "accumulate": (1, 65_536),
    "seed": (0, 2**63 - 1), "width": (1, 2048), "layers": (0, 32), "fit": (0, 1), "flip": (0, 1), "grey": (0, 1), "occlusion": (0, 1),
    "colour": (0, 1), "ema_decay": (0, 1), "rotation": (0, 180),
}  # fmt: skip
_LIMIT = (0, 10**12)


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


def packaged_recipes() -> dict[str, Path]:
    """Return the files of the packaged recipes by name."""
    folder = Path(str(resources.files("skelstream.training"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_recipe(name: str) -> Path:
    """Return the file of a packaged recipe, or a recipe file.

    Args:
        name: name of a packaged recipe, or path of a file.

    Raises:
        FormatError: there is no such recipe and no such file.
    """
    packaged = packaged_recipes()
    if name in packaged:
        return packaged[name]
    if not Path(name).is_file():
        raise FormatError(
            f"{name}: no such recipe file, nor a packaged recipe (those are: {', '.join(packaged)})"
        )
    return Path(name)


def read_recipe(path: Path, data: Path, run: Mapping[str, object] = MappingProxyType({})) -> Recipe:
    """Read a recipe from a TOML file.

    The file has the tables ``run``, ``network``, ``augmentation``, ``emphasis``, ``detection`` and
    ``evaluation``, and one ``[[set]]`` for each training set.

    Args:
        path: the file.
        data: folder that the sets' paths start from.
        run: settings of ``[run]`` that replace the file's.

    Raises:
        FormatError: the file is not TOML, or a setting is unknown, missing or out of range.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not TOML ({error})") from None
    known = {"run", "network", "augmentation", "emphasis", "detection", "evaluation", "set"}
    if unknown := set(content) - known:
        raise FormatError(
            f"{path}: unknown table {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        )
    if isinstance(content.get("set"), dict):
        raise FormatError(f"{path}: [set] is a single table; write [[set]], one for each training set")
    try:
        content = {
            name: mapping(table, f"[{name}]") if name != "set" else table for name, table in content.items()
        }
        tables = [mapping(table, "[[set]]") for table in items(content.get("set", []), "set")]
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    sets = [_build(path, "set", SetConfig, _under(data, table)) for table in tables]
    if not sets:
        raise FormatError(f"{path}: no [[set]] to train on")
    network = dict(content.get("network", {}))
    architecture = network.pop("architecture", "paf")
    if not isinstance(architecture, str) or architecture not in _TRAINABLE:
        raise FormatError(
            f"{path}: [network] architecture {architecture!r} is not one of {', '.join(_TRAINABLE)}"
        )
    network_kind, augmentation_kind = _TRAINABLE[architecture]
    parts = {
        "sets": sets,
        "network": _build(path, "network", network_kind, network),
        "augmentation": _build(path, "augmentation", augmentation_kind, content.get("augmentation", {})),
        "emphasis": _build(path, "emphasis", Emphasis, content.get("emphasis", {})),
        "detection": _build(path, "detection", DetectionConfig, content.get("detection", {})),
        "name": path.stem,
    }
    if "evaluation" in content:
        parts["evaluation"] = _build(
            path, "evaluation", EvaluationConfig, _under(data, content["evaluation"])
        )
    own = content.get("run", {})
    if misplaced := {*parts, "evaluation"} & set(own):
        raise FormatError(
            f"{path}: [run] has no setting {', '.join(sorted(misplaced))}; see the other tables"
        )
    return _build(path, "run", Recipe, own | dict(run) | parts)


def _under(data: Path, table: dict) -> dict:
    return {
        k: data / v if k in ("annotations", "images") and isinstance(v, str) else v for k, v in table.items()
    }


def _build(path: Path, table: str, kind: Callable[..., _Settings], values: dict) -> _Settings:
    where = f"{path}: [{table}]"
    types = {f.name: str(f.type) for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := set(values) - set(types):
        raise FormatError(
            f"{where} has no setting {', '.join(sorted(unknown))}; known: {', '.join(sorted(types))}"
        )
    try:
        values = {name: _setting(value, types[name], name) for name, value in values.items()}
    except FormatError as error:
        raise FormatError(f"{where} {error}") from None
    try:
        return kind(**values)
    except TypeError as error:
        raise FormatError(f"{where} is incomplete ({error})") from None
    except ValueError as error:
        raise FormatError(f"{where} {error}") from None


def _setting(value: Any, kind: str, name: str) -> Any:
    """Return a setting converted to its type; values of other types are returned unchanged."""
    match kind:
        case "int":
            return integer(value, name, *_LIMITS.get(name, _LIMIT))
        case "float":
            return real(value, name, *_LIMITS.get(name, _LIMIT))
        case "bool":
            return truth(value, name)
        case "str":
            return string(value, name)
        case "Path":
            return Path(string(str(value) if isinstance(value, Path) else value, name))
        case "tuple[float, float]":
            pair = reals(value, name, (2,)).tolist()
            if not 0 < pair[0] <= pair[1]:
                refuse(value, name, "a pair of numbers above 0, the lesser first,")
            return tuple(pair)
    return value
