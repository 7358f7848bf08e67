"""A training run's settings, read from a TOML file."""

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
from skelstream.files.values import boolean, integer, items, mapping, real, reals, refuse, string
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.top_down import TopDownConfig
from skelstream.training.annotations import SetConfig
from skelstream.training.augment import Augmentation
from skelstream.training.crops import CropAugmentation
from skelstream.training.detected_people import FirstLookConfig
from skelstream.training.samples import Emphasis
from skelstream.training.schedule import Schedule

PRECISIONS = ("auto", "bfloat16", "float16", "float32")
RENAMED = {
    "rate": "learning_rate",
    "backbone_rate": "backbone_learning_rate",
    "decay": "weight_decay",
    "average": "ema_decay",
}
"""Settings of ``[run]`` that recipes and checkpoints of earlier versions call otherwise."""

PCK = "PCK"
"""The figure of sets with one labelled person an image, beside COCO's."""

# The networks that recipes train, and how their samples are made.
_TRAINABLE = {"paf": (PafConfig, Augmentation), "topdown": (TopDownConfig, CropAugmentation)}
_Settings = TypeVar("_Settings")
# Where numbers may lie, beyond what the settings see to themselves; others from 0 to a run of years.
_LIMITS = {
    "crop": (32, 8192), "size": (32, 8192), "batch": (1, 65_536), "accumulate": (1, 65_536), "seed": (0, 2**63 - 1),
    "width": (1, 2048), "layers": (0, 32), "fit": (0, 1), "flip": (0, 1), "grey": (0, 1), "occlusion": (0, 1),
    "colour": (0, 1), "ema_decay": (0, 1), "rotation": (0, 180),
}  # fmt: skip
_LIMIT = (0, 10**12)


@dataclass(frozen=True)
class EvaluationConfig:
    """The set by which a run's weights are judged; no sample comes from it.

    Attributes:
        annotations: COCO-format JSON with 17 keypoints a person.
        images: folder of the images.
        metric: decides which weights are the best: ``AP`` or another of COCO's figures, or ``PCK`` for sets with
            one labelled person an image.
        size: long side of the network's input in pixels.
        every: samples from one evaluation to the next.
        limit: only the first so many images; 0 takes all.
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
    """All that decides a run's result.

    Attributes:
        sets: the data; paths are relative to the data folder.
        network: of the bottom-up or the top-down network.
        augmentation: the views or crops that suit it.
        emphasis: whose surroundings count more in the bottom-up network's loss.
        first_look: whose people the top-down network is trained on.
        samples: how many samples the run sees, rounded down to whole batches.
        minutes: how long it trains, in place of ``samples``; 0 for ``samples``.
        batch: samples per optimiser step, over all processes and accumulations.
        accumulate: parts that a batch is computed in, where memory is short.
        learning_rate: the stages' highest learning rate.
        backbone_learning_rate: the backbone's, as a part of ``learning_rate``, for a channel whose root mean square is 1; each channel's
            rate is in proportion to its own.
        frozen: leading blocks of the backbone that stay as they start; backward through the high resolutions there is
            most of a step's time on a CPU. 0 trains all.
        warmup: samples over which the rate rises.
        cooldown: last part of the run, over which the rate falls to zero.
        weight_decay: of AdamW.
        clip: greatest norm of the stages' gradient.
        ema_decay: part of the old average kept at each step (exponential moving average of the weights).
        precision: of the network's arithmetic: ``bfloat16``, ``float16`` (CUDA only, with a scaled loss), ``float32``,
            or ``auto``, the faster one of the first and the last on this machine; weights and loss are float32 always.
        seed: of data order, augmentation and initial weights.
        evaluation: how the weights are judged, or None.
        licence: of the weights, with the terms of their start and of the data, for their card.
        name: what the run's weights say they were trained with.
    """

    sets: list[SetConfig]
    network: PafConfig | TopDownConfig
    augmentation: Augmentation | CropAugmentation
    samples: int
    emphasis: Emphasis = field(default_factory=Emphasis)
    first_look: FirstLookConfig = field(default_factory=FirstLookConfig)
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
        """The samples of all whole batches."""
        return self.samples - self.samples % self.batch

    @property
    def looks_first(self) -> bool:
        """Whether the network is trained on whom a first look finds."""
        return isinstance(self.network, TopDownConfig)

    @property
    def schedule(self) -> Schedule:
        """How the rate goes over the run."""
        return Schedule(self.total, self.minutes, self.warmup, self.cooldown)

    @property
    def end(self) -> list[float]:
        """What decides where the run ends and when its cool-down begins."""
        return [self.total, self.minutes, self.cooldown]

    def deciding(self) -> dict[str, object]:
        """What a resumed run must have in common with its checkpoint, as plain values; not where it ends or the data lie."""
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
    """The recipes that come with the package, by name."""
    folder = Path(str(resources.files("skelstream.training"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_recipe(name: str) -> Path:
    """The file of a packaged recipe's name or a path.

    Raises:
        FormatError: neither is there.
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
    """The recipe in a TOML file: tables ``run``, ``network``, ``augmentation``, ``emphasis``, ``first_look``,
    ``evaluation`` and one ``[[set]]`` a data set.

    Args:
        data: the folder that the sets' paths start from.
        run: settings of ``[run]`` that take the place of the file's.

    Raises:
        FormatError: not TOML, or a setting that is unknown, missing or out of range.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not TOML ({error})") from None
    known = {"run", "network", "augmentation", "emphasis", "first_look", "evaluation", "set"}
    if unknown := set(content) - known:
        raise FormatError(
            f"{path}: unknown table {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        )
    if isinstance(content.get("set"), dict):
        raise FormatError(f"{path}: [set] is a single table; write [[set]], of which there may be several")
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
        "first_look": _build(path, "first_look", FirstLookConfig, content.get("first_look", {})),
        "name": path.stem,
    }
    if "evaluation" in content:
        parts["evaluation"] = _build(
            path, "evaluation", EvaluationConfig, _under(data, content["evaluation"])
        )
    own = {RENAMED.get(name, name): value for name, value in content.get("run", {}).items()}
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
    """A setting as its type has it; what is no number, text, path or pair is taken as it is."""
    match kind:
        case "int":
            return integer(value, name, *_LIMITS.get(name, _LIMIT))
        case "float":
            return real(value, name, *_LIMITS.get(name, _LIMIT))
        case "bool":
            return boolean(value, name)
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
