"""A training run's settings, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from skelstream.errors import FormatError
from skelstream.network.paf import PafConfig
from skelstream.training.augment import Augmentation
from skelstream.training.data import SetConfig


@dataclass(frozen=True)
class Recipe:
    """All that decides a run's result.

    Attributes:
        sets: the data; paths are relative to the data folder.
        network, augmentation: see there.
        samples: how many samples the run sees.
        batch: samples per optimiser step, over all processes and accumulations.
        accumulate: parts that a batch is computed in, where memory is short.
        rate: the stages' highest learning rate.
        backbone_rate: the backbone's, as a part of ``rate``.
        frozen: leading blocks of the backbone that stay as they start; backward through the high resolutions there is
            most of a step's time on a CPU. 0 trains all.
        warmup: samples over which the rate rises; after them it falls as a cosine to zero.
        decay: weight decay.
        average: part of the old average kept at each step (exponential moving average of the weights).
        seed: of data order, augmentation and initial weights.
    """

    sets: list[SetConfig]
    network: PafConfig
    augmentation: Augmentation
    samples: int
    batch: int = 16
    accumulate: int = 1
    rate: float = 1.5e-3
    backbone_rate: float = 0.07
    frozen: int = 0
    warmup: int = 3200
    decay: float = 1e-4
    average: float = 0.998
    seed: int = 0


def _build(path: Path, what: str, kind: type, values: dict) -> object:
    names = {f.name for f in fields(kind)}
    if unknown := set(values) - names:
        raise FormatError(f"{path}: [{what}] has no setting {', '.join(sorted(unknown))}; known: {', '.join(sorted(names))}")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) and k != "sets" else v for k, v in values.items()})
    except TypeError as error:
        raise FormatError(f"{path}: [{what}] is incomplete ({error})") from None


def read_recipe(path: Path, data: Path) -> Recipe:
    """The recipe in a TOML file: tables ``run``, ``network``, ``augmentation`` and one ``[[set]]`` a data set.

    Args:
        data: the folder that the sets' paths start from.

    Raises:
        FormatError: not TOML, or a setting that is unknown or missing.
    """
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"{path}: not TOML ({error})") from None
    sets = [
        _build(path, "set", SetConfig, {k: data / v if k in ("annotations", "images") else v for k, v in s.items()})
        for s in content.get("set", [])
    ]
    if not sets:
        raise FormatError(f"{path}: no [[set]] to train on")
    parts = {
        "sets": sets,
        "network": _build(path, "network", PafConfig, content.get("network", {})),
        "augmentation": _build(path, "augmentation", Augmentation, content.get("augmentation", {})),
    }
    return _build(path, "run", Recipe, content.get("run", {}) | parts)  # type: ignore[return-value]
