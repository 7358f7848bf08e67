"""The training loop: steps, averaging, and going on where a checkpoint stands."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import convert_conv2d_weight_memory_format
from torch.utils.data import DataLoader, Sampler

from skelstream.errors import ModelError
from skelstream.network.architectures import build_network, name_of
from skelstream.network.ranged_conv import measure_ranges, ranged_convs
from skelstream.network.torch_file import write_state_dict
from skelstream.training.annotations import AnnotatedSet, read_set
from skelstream.training.detected_people import Found
from skelstream.training.distributed import Processes
from skelstream.training.image_store import ImageStore, read_pixels
from skelstream.training.optimiser import ScaledAdamW, sizes
from skelstream.training.precision import best_precision, keep_memory
from skelstream.training.recipe import Recipe
from skelstream.training.trainable import make_task
from skelstream.training.training_checkpoint import read_checkpoint, reason

_SMOOTHING = 0.02
# Samples on which the averaged weights' ranges are measured.
_MEASURED = 64
_ALONE = Processes()


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        samples: seen so far.
        done: the part of the run that lies behind, from 0 to 1.
        rate: the stages' learning rate.
        speed: samples a second in this process's life, over all processes.
        seconds: spent on training since the run began, resumed or not.
        smooth: this process's smoothed losses by name, on the network's device.
    """

    samples: int
    done: float
    rate: float
    speed: float
    seconds: float
    smooth: dict[str, Tensor]

    @property
    def losses(self) -> dict[str, float]:
        """The smoothed losses by name; waits for the device."""
        return {name: float(value) for name, value in self.smooth.items()}


def sample_numbers(start: int, recipe: Recipe, processes: Processes) -> Iterator[int]:
    """The samples that a process sees from ``start`` on, in order and without an end.

    Each part of a batch is dealt out in equal shares, so that all processes together see the same samples in the same
    steps as one process alone would.
    """
    share = recipe.batch // recipe.accumulate // processes.count
    return (n for n in count(start) if (n - start) // share % processes.count == processes.rank)


class _Numbers(Sampler[int]):
    """Sample numbers in the form that a DataLoader takes."""

    def __init__(self, start: int, recipe: Recipe, processes: Processes):
        self._settings = (start, recipe, processes)

    def __iter__(self) -> Iterator[int]:
        return sample_numbers(*self._settings)


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
        sets: the recipe's, where they were read already.
        found: for the top-down network: whom a first look finds in the images of each set.

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
        sets: list[AnnotatedSet] | None = None,
        found: Sequence[Sequence[Found]] | None = None,
    ):
        self.precision = best_precision(device) if recipe.precision == "auto" else recipe.precision
        if self.precision == "float16" and device.type != "cuda":
            raise ModelError(
                f"precision float16 trains on CUDA only, not on {device}; choose bfloat16 or float32"
            )
        if recipe.batch // recipe.accumulate % processes.count:
            raise ModelError(
                f"a batch of {recipe.batch} in {recipe.accumulate} parts cannot be dealt out to {processes.count}"
                " processes in equal shares"
            )
        self.recipe, self.device, self.workers, self.processes = recipe, device, workers, processes
        self.sample, self.seconds, self.origin = 0, 0.0, origin
        self.unreadable: list[str] = []
        self.sets: list[AnnotatedSet] = [read_set(s) for s in recipe.sets] if sets is None else sets
        images = [image for s in self.sets for image in s.images]
        # A GPU takes views faster than images can be decoded again and again.
        self._store = ImageStore(images) if device.type == "cuda" and ImageStore.fits(images) else None
        self.task = make_task(recipe, self.sets, start, found, self._store or read_pixels)
        for module in self.task.frozen:
            module.requires_grad_(False)
        if processes.count > 1 and device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(self.task.loss)
        self._loss: nn.Module = self.task.loss.to(device)
        convert_conv2d_weight_memory_format(self._loss, torch.channels_last)
        self.network = self.task.network
        self.average = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        trained = [p for p in self.network.parameters() if p.requires_grad]
        backbone = {id(p) for p in self.task.backbone.parameters()}
        # What is new is clipped; a backbone's gradient is as large as its tensors are.
        self._clipped = [p for p in trained if id(p) not in backbone] or trained
        factors = [
            recipe.backbone_learning_rate * sizes(p) if id(p) in backbone else torch.ones_like(p)
            for p in trained
        ]
        self.optimiser = ScaledAdamW(trained, factors, recipe.weight_decay)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "float16")
        if processes.count > 1:
            self._loss = DistributedDataParallel(self._loss, [device] if device.type == "cuda" else None)
        self._smooth: dict[str, Tensor] = {}

    def save(self, path: Path) -> None:
        """Writes a checkpoint; a kill leaves the old one or the new one. Only between steps.

        Raises:
            OutputError: the file cannot be written.
        """
        state = {
            "sample": self.sample,
            "cooling": self.cooling,
            "end": self.recipe.end,
            "network": self.network.state_dict(),
            "loss": self._beside_the_network(),
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
            for name, tensor in self._beside_the_network().items():
                tensor.copy_(state["loss"][name])
            self.optimiser.load_state_dict(state["optimiser"])
            for name, tensor in self.average.items():
                tensor.copy_(state["average"][name])
            self._scaler.load_state_dict(state.get("scaler", {}))
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(f"{path}: not a checkpoint of this network ({reason(error)})") from None
        self.sample, self.seconds = state["sample"], state.get("seconds", 0.0)
        self.origin, self._smooth = state.get("origin") or self.origin, state.get("losses", {})

    def _beside_the_network(self) -> dict[str, Tensor]:
        """What else the loss depends on: a teacher's weights."""
        return {k: v for k, v in self.task.loss.state_dict().items() if not k.startswith("network.")}

    @property
    def cooling(self) -> bool:
        """Whether the cool-down has begun, after which the run cannot be prolonged."""
        return self.recipe.schedule.cooling(self.sample, self.seconds)

    def measure_ranges(self) -> None:
        """Adds to the averaged weights what they need to run in eight bits: their ranges on the first samples."""
        network = build_network(name_of(self.recipe.network), self.recipe.network.to_dict())
        network.load_state_dict(self.average)
        network = convert_conv2d_weight_memory_format(network.to(self.device), torch.channels_last)
        images = (self.task.source[number]["image"] for number in range(_MEASURED))
        measure_ranges(network, (image[None].float().to(self.device) for image in images))
        for name, conv in ranged_convs(network).items():
            self.average[f"{name}.range"].copy_(conv.range)

    def run(self, report: Callable[[Progress], object]) -> bool:
        """Trains from where the run stands to its end.

        Args:
            report: called after every step; if its answer is true, the run stops there.

        Returns:
            Whether the run is at its end.
        """
        recipe, schedule = self.recipe, self.recipe.schedule
        if schedule.done(self.sample, self.seconds) >= 1:
            return True
        keep_memory()
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        if self._store:
            self._store.fill()
        part = recipe.batch // recipe.accumulate
        self._loss.train()
        for module in self.task.frozen:
            module.eval()
        first, before, since = self.sample, self.seconds, time.monotonic()
        for i, batch in enumerate(self._batches(), 1):
            last = i % recipe.accumulate == 0
            self._backward(batch, last)
            self.sample += part
            if not last:
                continue
            begun = self.sample - recipe.batch
            rate = recipe.learning_rate * schedule.factor(begun, self.seconds, recipe.batch)
            self._step(rate)
            self.seconds += time.monotonic() - since
            speed = (self.sample - first) / max(self.seconds - before, 1e-9)
            done = schedule.done(self.sample, self.seconds)
            now = Progress(self.sample, done, rate, speed, self.seconds, dict(self._smooth))
            if report(now) or done >= 1:
                break
            since = time.monotonic()
        return schedule.done(self.sample, self.seconds) >= 1

    def _batches(self) -> Iterator[dict]:
        recipe = self.recipe
        return iter(
            DataLoader(
                self.task.source,
                batch_size=recipe.batch // recipe.accumulate // self.processes.count,
                sampler=_Numbers(self.sample, recipe, self.processes),
                collate_fn=self.task.collate,
                num_workers=self.workers,
                # Decoded images are shared with the workers by forking.
                multiprocessing_context="fork" if self.workers and self._store else None,
                pin_memory=self.device.type == "cuda",
                prefetch_factor=4 if self.workers else None,
                worker_init_fn=_begin_worker,
            )
        )

    def _backward(self, batch: dict, last: bool) -> None:
        for message in batch.pop("unreadable"):
            if message and message not in self.unreadable:
                self.unreadable.append(message)
        batch = {
            n: v.to(self.device, non_blocking=True) if torch.is_tensor(v) else v for n, v in batch.items()
        }
        precision = getattr(torch, self.precision)
        # Gradients are shared among processes once a step, with the last part.
        parallel = self._loss if isinstance(self._loss, DistributedDataParallel) and not last else None
        with parallel.no_sync() if parallel else nullcontext():
            with torch.autocast(self.device.type, precision, enabled=precision != torch.float32):
                found: tuple[Tensor, dict[str, Tensor]] = self._loss(batch)
                loss, losses = found
            self._scaler.scale(loss / self.recipe.accumulate).backward()
        for name, value in losses.items():
            self._smooth[name] = torch.lerp(self._smooth.get(name, value), value, _SMOOTHING)

    def _step(self, rate: float) -> None:
        (group,) = self.optimiser.param_groups
        group["lr"] = rate
        self._scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self._clipped, self.recipe.clip, foreach=True)
        self._scaler.step(self.optimiser)
        self._scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        # Early on the average would hold on to the start: let it forget faster.
        steps = self.sample / self.recipe.batch
        keep = min(self.recipe.ema_decay, (1 + steps) / (10 + steps))
        state = self.network.state_dict()
        learned = [name for name, tensor in state.items() if tensor.is_floating_point()]
        with torch.no_grad():
            averages = [self.average[name] for name in learned]
            torch._foreach_lerp_(averages, [state[name] for name in learned], 1 - keep)
            for name in state.keys() - set(learned):
                self.average[name].copy_(state[name])


def _begin_worker(_: int) -> None:
    # An interrupt is the main process's to answer; it stops between two steps. One worker is one core.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
