"""The training loop: steps, averaging, checkpoints that resume exactly."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from skelstream.errors import ModelError
from skelstream.network.paf import STRIDE, PafNetwork
from skelstream.training.data import SampleSource, read_set
from skelstream.training.loss import stage_losses
from skelstream.training.recipe import Recipe


@dataclass(frozen=True)
class Progress:
    """Where a run stands: samples seen of all, the rate, the smoothed losses, samples a second."""

    samples: int
    total: int
    rate: float
    losses: dict[str, float]
    speed: float


def rate_at(sample: int, recipe: Recipe) -> float:
    """The stages' learning rate: a linear rise over the warm-up, then half a cosine down to zero."""
    if sample < recipe.warmup:
        return recipe.rate * (sample + recipe.batch) / (recipe.warmup + recipe.batch)
    done = (sample - recipe.warmup) / max(1, recipe.samples - recipe.warmup)
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Trainer:
    """One run. A checkpoint holds all that decides the rest of it; data order depends on the sample number alone."""

    def __init__(self, recipe: Recipe, device: torch.device, start: dict[str, Tensor] | None = None, workers: int = 1):
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.workers, self.sample = recipe, device, workers, 0
        self.network = PafNetwork(recipe.network).to(device, memory_format=torch.channels_last)
        if start is not None:
            self.network.load_state_dict(start)
        if recipe.frozen:
            backbone = self.network.features.backbone
            for part in (backbone.stem, *backbone.blocks[: recipe.frozen]):
                part.requires_grad_(False)
        self.average = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        backbone = list(self.network.features.backbone.parameters())
        inside = {id(p) for p in backbone}
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for p in self.network.parameters() if id(p) not in inside], "factor": 1.0},
                {"params": backbone, "factor": recipe.backbone_rate},
            ],
            lr=recipe.rate,
            weight_decay=recipe.decay,
        )
        self.source = SampleSource(
            [read_set(s) for s in recipe.sets],
            [s.weight for s in recipe.sets],
            recipe.augmentation,
            STRIDE,
            recipe.seed,
        )

    def save(self, path: Path) -> None:
        """Writes a checkpoint; a kill leaves the old one or the new one."""
        state = {
            "sample": self.sample,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        partial = path.with_name(path.name + ".part")
        torch.save(state, partial)
        os.replace(partial, path)

    def resume(self, path: Path) -> None:
        """Goes on where a checkpoint of the same recipe stands.

        Raises:
            ModelError: the file is not a checkpoint of this network.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.sample = state["average"], state["sample"]
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise ModelError(f"{path}: not a checkpoint of this recipe ({error})") from None

    def run(self, report: Callable[[Progress], None]) -> None:
        """Trains from where the run stands to its end; calls ``report`` after every step."""
        recipe = self.recipe
        part = recipe.batch // recipe.accumulate
        loader = DataLoader(
            self.source,  # type: ignore[arg-type]
            batch_size=part,
            sampler=range(self.sample, recipe.samples),
            num_workers=self.workers,
            drop_last=True,
            prefetch_factor=4 if self.workers else None,
        )
        smooth: dict[str, float] = {}
        began, first = time.monotonic(), self.sample
        self.network.train()
        for i, batch in enumerate(loader, 1):
            losses = self._backward(batch, recipe.accumulate)
            self.sample += part
            for name, value in losses.items():
                smooth[name] = 0.98 * smooth.get(name, value) + 0.02 * value
            if i % recipe.accumulate:
                continue
            rate = rate_at(self.sample - recipe.batch, recipe)
            self._step(rate)
            speed = (self.sample - first) / (time.monotonic() - began)
            report(Progress(self.sample, recipe.samples, rate, dict(smooth), speed))

    def _backward(self, batch: dict[str, Tensor], parts: int) -> dict[str, float]:
        batch = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        image = batch["image"].float().contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            pafs, confidence = self.network.stages(image)
        loss, losses = stage_losses(pafs, confidence, batch)
        (loss / parts).backward()
        return losses

    def _step(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        # Early on the average would hold on to the start: let it forget faster.
        steps = self.sample / self.recipe.batch
        keep = min(self.recipe.average, (1 + steps) / (10 + steps))
        with torch.no_grad():
            for name, tensor in self.network.state_dict().items():
                if tensor.is_floating_point():
                    self.average[name].lerp_(tensor, 1 - keep)
                else:
                    self.average[name].copy_(tensor)
