"""The training loop: optimiser steps, averaged weights, saving and resuming."""

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
from skelstream.training.detected_people import DetectedPeople
from skelstream.training.distributed import Processes
from skelstream.training.image_store import ImageStore, read_pixels
from skelstream.training.initial_weights import InitialWeights
from skelstream.training.optimiser import ScaledAdamW, sizes
from skelstream.training.precision import best_precision, keep_memory
from skelstream.training.recipe import Recipe
from skelstream.training.trainable import make_task
from skelstream.training.training_checkpoint import read_checkpoint, reason

_SMOOTHING = 0.02
# Number of samples on which the averaged weights' ranges are measured.
_MEASURED = 64
_ALONE = Processes()


@dataclass(frozen=True)
class Progress:
    """State of a run after a step.

    Attributes:
        samples: number of samples seen so far.
        done: completed part of the run, from 0 to 1.
        rate: learning rate of the stages.
        speed: samples per second since this process began, over all processes.
        seconds: training time since the run began, resumed sessions included.
        smooth: this process's smoothed losses by name, scalar tensors on the network's device.
    """

    samples: int
    done: float
    rate: float
    speed: float
    seconds: float
    smooth: dict[str, Tensor]

    @property
    def losses(self) -> dict[str, float]:
        """The smoothed losses by name; waits for the device to finish."""
        return {name: float(value) for name, value in self.smooth.items()}


def sample_numbers(start: int, recipe: Recipe, processes: Processes) -> Iterator[int]:
    """Yield the numbers of the samples that a process sees from ``start`` on, without end.

    Each part of a batch is divided equally among the processes, so all processes together see the same
    samples in the same steps as a single process would.
    """
    share = recipe.batch // recipe.accumulate // processes.count
    return (n for n in count(start) if (n - start) // share % processes.count == processes.rank)


class _Numbers(Sampler[int]):
    """Sample numbers as a sampler of a DataLoader."""

    def __init__(self, start: int, recipe: Recipe, processes: Processes):
        self._settings = (start, recipe, processes)

    def __iter__(self) -> Iterator[int]:
        return sample_numbers(*self._settings)


class Trainer:
    """The optimisation of one network. A training checkpoint holds its complete state; the order of the data
    depends only on the sample number.

    Attributes:
        sample: number of samples seen so far.
        seconds: training time so far.
        average: the averaged weights by name; these are the weights to use.
        origin: initial weights, for people to read.
        unreadable: one message for each image that could not be read, in order of appearance.

    Args:
        recipe: the settings.
        device: the device of the network.
        initial: initial weights of the whole network; None for random ones.
        workers: number of processes that make samples; with 0 this process makes them.
        processes: this process's place among the run's processes.
        sets: the recipe's sets if they are read already, else None.
        detections: detected people of each image of each set, for the top-down network; else None.

    Raises:
        FormatError: a set cannot be used.
        ModelError: the device does not support the precision, or the batch cannot be divided among the
            processes.
    """

    def __init__(
        self,
        recipe: Recipe,
        device: torch.device,
        initial: InitialWeights | None = None,
        workers: int = 1,
        processes: Processes = _ALONE,
        sets: list[AnnotatedSet] | None = None,
        detections: Sequence[Sequence[DetectedPeople]] | None = None,
    ):
        self.precision = best_precision(device) if recipe.precision == "auto" else recipe.precision
        if self.precision == "float16" and device.type != "cuda":
            raise ModelError(
                f"precision float16 trains on CUDA only, not on {device}; choose bfloat16 or float32"
            )
        if recipe.batch // recipe.accumulate % processes.count:
            raise ModelError(
                f"a batch of {recipe.batch} in {recipe.accumulate} parts cannot be divided among"
                f" {processes.count} processes in equal shares"
            )
        self.recipe, self.device, self.workers, self.processes = recipe, device, workers, processes
        self.sample, self.seconds, self.origin = 0, 0.0, initial.origin if initial else ""
        self.unreadable: list[str] = []
        self.sets: list[AnnotatedSet] = [read_set(s) for s in recipe.sets] if sets is None else sets
        images = [image for s in self.sets for image in s.images]
        # A GPU consumes views faster than a CPU can decode the images again and again.
        self._store = ImageStore(images) if device.type == "cuda" and ImageStore.fits(images) else None
        self.task = make_task(
            recipe, self.sets, initial and initial.state, detections, self._store or read_pixels
        )
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
        # Only the gradient of new layers is clipped: a backbone's gradient is in proportion to its tensors.
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
        """Write a training checkpoint atomically; call it only between steps.

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
            "recipe": self.recipe.fixed_settings(),
            "images": [len(s.images) for s in self.sets],
        }
        write_state_dict(path, state)

    def resume(self, path: Path) -> None:
        """Restore the state of a training checkpoint of the same recipe and data.

        Raises:
            ModelError: the file is not such a training checkpoint.
        """
        state = read_checkpoint(path, self.recipe, [len(s.images) for s in self.sets], self.device)
        try:
            self.network.load_state_dict(state["network"])
            for name, tensor in self._beside_the_network().items():
                tensor.copy_(state["loss"][name])
            self.optimiser.load_state_dict(state["optimiser"])
            for name, tensor in self.average.items():
                tensor.copy_(state["average"][name])
            self._scaler.load_state_dict(state["scaler"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(f"{path}: not a training checkpoint of this network ({reason(error)})") from None
        self.sample, self.seconds = state["sample"], state["seconds"]
        self.origin, self._smooth = state["origin"], state["losses"]

    def _beside_the_network(self) -> dict[str, Tensor]:
        """Return the loss's tensors outside the network: the weights of a teacher."""
        return {k: v for k, v in self.task.loss.state_dict().items() if not k.startswith("network.")}

    @property
    def cooling(self) -> bool:
        """Whether the cool-down has begun; then the run can no longer be prolonged."""
        return self.recipe.schedule.cooling(self.sample, self.seconds)

    @property
    def finished(self) -> bool:
        """Whether the run is at its end."""
        return self.recipe.schedule.done(self.sample, self.seconds) >= 1

    def measure_ranges(self) -> None:
        """Add the activation ranges that eight-bit inference needs to the averaged weights."""
        network = build_network(name_of(self.recipe.network), self.recipe.network.to_dict())
        network.load_state_dict(self.average)
        network = convert_conv2d_weight_memory_format(network.to(self.device), torch.channels_last)
        images = (self.task.source[number]["image"] for number in range(_MEASURED))
        measure_ranges(network, (image[None].float().to(self.device) for image in images))
        for name, conv in ranged_convs(network).items():
            self.average[f"{name}.range"].copy_(conv.range)

    def run(self, report: Callable[[Progress], object]) -> bool:
        """Train to the run's end.

        Args:
            report: called after every step; a true answer stops the run.

        Returns:
            Whether the run is at its end.
        """
        for progress in self.steps():
            if report(progress):
                break
        return self.finished

    def steps(self) -> Iterator[Progress]:
        """Train to the run's end, and yield the state after every step."""
        recipe, schedule = self.recipe, self.recipe.schedule
        if self.finished:
            return
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
            yield Progress(self.sample, done, rate, speed, self.seconds, dict(self._smooth))
            if done >= 1:
                break
            since = time.monotonic()

    def _batches(self) -> Iterator[dict]:
        recipe = self.recipe
        return iter(
            DataLoader(
                self.task.source,
                batch_size=recipe.batch // recipe.accumulate // self.processes.count,
                sampler=_Numbers(self.sample, recipe, self.processes),
                collate_fn=self.task.collate,
                num_workers=self.workers,
                # Forked workers share the decoded images.
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
        # Processes exchange gradients once per step, with the last part.
        parallel = self._loss if isinstance(self._loss, DistributedDataParallel) and not last else None
        with parallel.no_sync() if parallel else nullcontext():
            with torch.autocast(self.device.type, precision, enabled=precision != torch.float32):
                result: tuple[Tensor, dict[str, Tensor]] = self._loss(batch)
            loss, losses = result
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
        # A slow average would keep the initial weights for long: early steps average faster.
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
    # The main process handles interrupts; it stops between two steps, and needs the workers until then. Terminals send
    # Ctrl-C to all of them, and timeout, Slurm and systemd SIGTERM. Workers end when the main process does. A worker uses one core.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)
