"""The learning rate over a run: a warm-up, a constant part and a cool-down.

The constant part does not depend on the run's length, so a run can be prolonged, and a cool-down can branch
off at any of its training checkpoints (Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed
Training Durations", arXiv 2405.18392).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Length of a run and its learning rate.

    Attributes:
        samples: number of samples of the whole run.
        minutes: length of the run in minutes of training, in place of ``samples``; 0 to use ``samples``.
        warmup: number of samples over which the rate rises.
        cooldown: last part of the run, in [0, 1], over which the rate falls linearly to zero.
    """

    samples: int
    minutes: float
    warmup: int
    cooldown: float

    def done(self, sample: int, seconds: float) -> float:
        """Return the completed part of the run, from 0 to 1."""
        return min(1.0, seconds / (60 * self.minutes) if self.minutes else sample / self.samples)

    def cooling(self, sample: int, seconds: float) -> bool:
        """Return whether the cool-down has begun."""
        return self.done(sample, seconds) > 1 - self.cooldown

    def factor(self, sample: int, seconds: float, batch: int) -> float:
        """Return the factor of the highest rate in the step that begins at a sample."""
        rise = min(1.0, (sample + batch) / (self.warmup + batch))
        left = 1 - self.done(sample, seconds)
        return rise * min(1.0, left / self.cooldown if self.cooldown else 1.0)
