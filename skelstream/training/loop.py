"""The training loop: steps, averaging, and going on where a checkpoint stands."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from skelstream.errors import ModelError
from skelstream.network.checkpoint import write_state_dict
from skelstream.network.paf import STRIDE, PafNetwork
from skelstream.network.ranges import measure_ranges, ranged
from skelstream.training.annotations import AnnotatedSet, read_set
from skelstream.training.checkpoint import read_checkpoint, reason
from skelstream.training.distributed import Processes
from skelstream.training.loss import stage_losses
from skelstream.training.recipe import Recipe
from skelstream.training.samples import SampleSource

_SMOOTHING = 0.02
# Samples on which the averaged weights' ranges are measured.
_MEASURED = 64
_ALONE = Processes()


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        samples, total: seen, and of how many.
        rate: the stages' learning rate.
        speed: samples a second in this process's life, over all processes.
        seconds: spent on training since the run began, resumed or not.
        smooth: this process's smoothed losses by name, on the network's device.
    """

    samples: int
    total: int
    rate: float
    speed: float
    seconds: float
    smooth: dict[str, Tensor]

    @property
    def losses(self) -> dict[str, float]:
        """The smoothed losses by name; waits for the device."""
        return {name: float(value) for name, value in self.smooth.items()}


def rate_at(sample: int, recipe: Recipe) -> float:
    """The stages' learning rate: a linear rise over the warm-up, then half a cosine down to zero."""
    if sample < recipe.warmup:
        return recipe.rate * (sample + recipe.batch) / (recipe.warmup + recipe.batch)
    done = (sample - recipe.warmup) / max(1, recipe.samples - recipe.warmup)
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def sample_numbers(start: int, recipe: Recipe, processes: Processes) -> list[int]:
    """The samples that a process sees from ``start`` to the run's end, in order.

    Each part of a batch is dealt out in equal shares, so that all processes together see the same samples in the same
    steps as one process alone would.
    """
    share = recipe.batch // recipe.accumulate // processes.count
    return [n for n in range(start, recipe.total) if (n - start) // share % processes.count == processes.rank]


class _Stages(nn.Module):
    """The network as it is trained, every stage's maps, in the form that data parallelism wraps."""

    def __init__(self, network: PafNetwork):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        return self.network.stages(image)


class Trainer:
    """One run. A checkpoint holds all that decides the rest of it; data order depends on the sample number alone.

    Attributes:
        sample: samples seen so far.
        seconds: spent on training so far.
        average: the averaged weights, which are those to use.
        origin: what the weights were before training.
        unreadable: images that could not be read while training, by message, in order of appearance.

    Args:
        recipe: the settings.
        device: of the network.
        start: initial weights of the whole network; None for random ones.
        workers: processes that make samples; 0 makes them in this one.
        processes: this process among those of the run.
        origin: see above.

    Raises:
        FormatError: a set cannot be used.
        ModelError: the recipe asks for what the device or the processes cannot do.
    """

    def __init__(
        self,
        recipe: Recipe,
        device: torch.device,
        start: dict[str, Tensor] | None = None,
        workers: int = 1,
        processes: Processes = _ALONE,
        origin: str = "",
    ):
        if recipe.precision == "float16" and device.type != "cuda":
            raise ModelError(
                f"precision float16 trains on CUDA only, not on {device}; choose bfloat16 or float32"
            )
        if recipe.batch // recipe.accumulate % processes.count:
            raise ModelError(
                f"a batch of {recipe.batch} in {recipe.accumulate} parts cannot be dealt out to {processes.count}"
                " processes in equal shares"
            )
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.workers, self.processes = recipe, device, workers, processes
        self.sample, self.seconds, self.origin = 0, 0.0, origin
        self.unreadable: list[str] = []
        self.sets: list[AnnotatedSet] = [read_set(s) for s in recipe.sets]
        network = PafNetwork(recipe.network)
        self.source = SampleSource(
            [s.images for s in self.sets],
            [s.weight for s in recipe.sets],
            recipe.augmentation,
            network.skeleton,
            STRIDE,
            recipe.seed,
        )
        if start is not None:
            network.load_state_dict(start)
        self._frozen: list[nn.Module] = []
        if recipe.frozen:
            self._frozen = [
                network.features.backbone.stem,
                *network.features.backbone.blocks[: recipe.frozen],
            ]
        for module in self._frozen:
            module.requires_grad_(False)
        if processes.count > 1 and device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        self.network = network.to(device, memory_format=torch.channels_last)
        self.average = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        backbone = list(self.network.features.backbone.parameters())
        inside = {id(p) for p in backbone}
        self._new = [p for p in self.network.parameters() if id(p) not in inside]
        # Folded batch norms leave tensors whose sizes differ by 10,000 and more, and Adam's steps know no size: a rate
        # that suits one tensor wipes out another. So each has a rate in proportion to its own root mean square.
        self.optimiser = torch.optim.AdamW(
            [{"params": self._new, "factor": 1.0}]
            + [{"params": [p], "factor": recipe.backbone_rate * _root_mean_square(p)} for p in backbone],
            lr=recipe.rate,
            weight_decay=recipe.decay,
        )
        self._scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self._stages: nn.Module = _Stages(self.network)
        if processes.count > 1:
            self._stages = DistributedDataParallel(self._stages, [device] if device.type == "cuda" else None)
        self._smooth: dict[str, Tensor] = {}

    def save(self, path: Path) -> None:
        """Writes a checkpoint; a kill leaves the old one or the new one. Only between steps.

        Raises:
            OutputError: the file cannot be written.
        """
        state = {
            "sample": self.sample,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "losses": dict(self._smooth),
            "seconds": self.seconds,
            "origin": self.origin,
            "recipe": self.recipe.deciding(),
            "images": [len(s.images) for s in self.sets],
        }
        write_state_dict(path, state)

    def resume(self, path: Path) -> None:
        """Goes on where a checkpoint of the same recipe and data stands.

        Raises:
            ModelError: the file is not such a checkpoint.
        """
        state = read_checkpoint(path, self.recipe, [len(s.images) for s in self.sets], self.device)
        try:
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            for name, tensor in self.average.items():
                tensor.copy_(state["average"][name])
            self._scaler.load_state_dict(state.get("scaler", {}))
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(f"{path}: not a checkpoint of this network ({reason(error)})") from None
        self.sample, self.seconds = state["sample"], state.get("seconds", 0.0)
        self.origin, self._smooth = state.get("origin") or self.origin, state.get("losses", {})

    def measure_ranges(self) -> None:
        """Adds to the averaged weights what they need to run in eight bits: their ranges on the first samples."""
        network = PafNetwork(self.recipe.network)
        network.load_state_dict(self.average)
        network = network.to(self.device, memory_format=torch.channels_last)
        images = (self.source[number]["image"] for number in range(_MEASURED))
        measure_ranges(network, (image[None].float().to(self.device) for image in images))
        for name, conv in ranged(network).items():
            self.average[f"{name}.range"].copy_(conv.range)

    def run(self, report: Callable[[Progress], object]) -> bool:
        """Trains from where the run stands to its end.

        Args:
            report: called after every step; if its answer is true, the run stops there.

        Returns:
            Whether the run is at its end.
        """
        recipe = self.recipe
        part = recipe.batch // recipe.accumulate
        self.network.train()
        for module in self._frozen:
            module.eval()
        first, before, since = self.sample, self.seconds, time.monotonic()
        for i, batch in enumerate(self._batches(), 1):
            last = i % recipe.accumulate == 0
            self._backward(batch, last)
            self.sample += part
            if not last:
                continue
            rate = rate_at(self.sample - recipe.batch, recipe)
            self._step(rate)
            self.seconds += time.monotonic() - since
            speed = (self.sample - first) / max(self.seconds - before, 1e-9)
            if report(Progress(self.sample, recipe.total, rate, speed, self.seconds, dict(self._smooth))):
                break
            since = time.monotonic()
        return self.sample >= recipe.total

    def _batches(self) -> Iterator[dict]:
        recipe = self.recipe
        return iter(
            DataLoader(
                self.source,  # type: ignore[arg-type]
                batch_size=recipe.batch // recipe.accumulate // self.processes.count,
                sampler=sample_numbers(self.sample, recipe, self.processes),
                num_workers=self.workers,
                pin_memory=self.device.type == "cuda",
                prefetch_factor=4 if self.workers else None,
                worker_init_fn=_begin_worker,
            )
        )

    def _backward(self, batch: dict, last: bool) -> None:
        for message in batch.pop("unreadable"):
            if message and message not in self.unreadable:
                self.unreadable.append(message)
        batch = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        image = batch["image"].float().contiguous(memory_format=torch.channels_last)
        precision = getattr(torch, self.recipe.precision)
        # Gradients are shared among processes once a step, with the last part.
        parallel = isinstance(self._stages, DistributedDataParallel)
        with self._stages.no_sync() if parallel and not last else nullcontext():  # type: ignore[operator]
            with torch.autocast(self.device.type, precision, enabled=precision != torch.float32):
                pafs, confidence = self._stages(image)
            loss, losses = stage_losses(pafs, confidence, batch)
            self._scaler.scale(loss / self.recipe.accumulate).backward()
        for name, value in losses.items():
            self._smooth[name] = torch.lerp(self._smooth.get(name, value), value, _SMOOTHING)

    def _step(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        self._scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self._new, self.recipe.clip)
        self._scaler.step(self.optimiser)
        self._scaler.update()
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


def _root_mean_square(tensor: Tensor) -> float:
    return max(1e-4, float(tensor.detach().square().mean().sqrt()))


def _begin_worker(_: int) -> None:
    # An interrupt is the main process's to answer; it stops between two steps. One worker is one core.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
