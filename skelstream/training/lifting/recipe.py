"""A lifting run's settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from skelstream.errors import SettingsError
from skelstream.network.lifting import LiftingConfig
from skelstream.training.lifting.bodies import Variation
from skelstream.training.lifting.cameras import CameraRange
from skelstream.training.lifting.keypoint_noise import KeypointErrors


@dataclass(frozen=True)
class LiftingRecipe:
    """All that decides a run's result, with the file of motion capture.

    Attributes:
        network: to train.
        variation, cameras, errors: of the windows it is trained on.
        with_errors: part of the windows that have errors; the others are seen as they are.
        steps: how many the run has.
        minutes: how long it trains, in place of ``steps``; 0 for ``steps``.
        batch: windows a step.
        learning_rate: highest, of AdamW; it rises over ``warmup`` steps and falls to zero along a cosine.
        weight_decay: of AdamW.
        ema_decay: part of the old average of the weights that is kept at each step.
        seed: of the initial weights and the windows.
    """

    network: LiftingConfig = field(default_factory=LiftingConfig)
    variation: Variation = field(default_factory=Variation)
    cameras: CameraRange = field(default_factory=CameraRange)
    errors: KeypointErrors = field(default_factory=KeypointErrors)
    with_errors: float = 0.85
    steps: int = 20_000
    minutes: float = 0.0
    batch: int = 256
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 1e-2
    ema_decay: float = 0.999
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 2 or self.minutes < 0:
            raise SettingsError("a run needs one step, two windows a batch, and no negative minutes")

    def fixed_settings(self) -> dict[str, object]:
        """What a resumed run must have in common with its checkpoint; not where it ends."""
        return {k: v for k, v in asdict(self).items() if k not in ("steps", "minutes")}
