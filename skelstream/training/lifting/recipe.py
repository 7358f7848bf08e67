"""Settings of a lifting run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from skelstream.errors import SettingsError
from skelstream.network.lifting import LiftingConfig
from skelstream.training.lifting.bodies import Variation
from skelstream.training.lifting.cameras import CameraRange
from skelstream.training.lifting.keypoint_noise import KeypointErrors


@dataclass(frozen=True)
class LiftingRecipe:
    """All settings that, with the motion capture file, determine a run's result.

    Attributes:
        network: settings of the network.
        variation: random changes of the recorded bodies.
        cameras: random positions of the cameras.
        errors: errors of the keypoints.
        with_errors: share of the windows with errors, in [0, 1]; the others have true keypoints.
        steps: number of steps.
        minutes: training time in minutes, in place of ``steps``; 0 to use ``steps``.
        batch: number of windows per step.
        learning_rate: highest learning rate of AdamW; it falls to zero along a cosine.
        warmup: number of steps over which the rate rises.
        weight_decay: weight decay of AdamW.
        ema_decay: decay of the exponential moving average of the weights, per step.
        seed: seed of the initial weights and the windows.
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
            raise SettingsError(
                "a run needs at least one step, two windows per batch, and no negative minutes"
            )

    def fixed_settings(self) -> dict[str, object]:
        """Return the settings that a resumed run shares with its training checkpoint: all but its end."""
        return {k: v for k, v in asdict(self).items() if k not in ("steps", "minutes")}
