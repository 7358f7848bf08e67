"""The learning rate over a run: a warm-up, a constant part without an end of its own, and a cool-down.

As the constant part does not know when the run will end, a run can be prolonged, and a cool-down can be branched off at
any of its checkpoints (Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations",
arXiv 2405.18392).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long a run is, and its rate on the way.

    Attributes:
        samples: of the whole run.
        minutes: of training in place of ``samples``; 0 for none.
        warmup: samples over which the rate rises.
        cooldown: last part of the run, over which the rate falls to zero in a straight line.
    """

    samples: int
    minutes: float
    warmup: int
    cooldown: float

    def done(self, sample: int, seconds: float) -> float:
        """The part of the run that lies behind, from 0 to 1."""
        return min(1.0, seconds / (60 * self.minutes) if self.minutes else sample / self.samples)

    def cooling(self, sample: int, seconds: float) -> bool:
        """Whether the cool-down has begun."""
        return self.done(sample, seconds) > 1 - self.cooldown

    def factor(self, sample: int, seconds: float, batch: int) -> float:
        """What the highest rate is multiplied by in the step that begins at a sample."""
        rise = min(1.0, (sample + batch) / (self.warmup + batch))
        left = 1 - self.done(sample, seconds)
        return rise * min(1.0, left / self.cooldown if self.cooldown else 1.0)
