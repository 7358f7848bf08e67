"""The training loop of a lifting network."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.lifting import LiftingNetwork
from skelstream.network.torch_file import write_state_dict
from skelstream.processing.lifting.windows import relative_to_window
from skelstream.skeleton import COCO17, H36M17
from skelstream.training.lifting.bodies import BodyMaker
from skelstream.training.lifting.cameras import Views, project
from skelstream.training.lifting.keypoint_noise import NO_ERRORS, add_errors
from skelstream.training.lifting.mocap import Mocap
from skelstream.training.lifting.recipe import LiftingRecipe


@dataclass(frozen=True)
class LiftingProgress:
    """State of a run after a step.

    Attributes:
        step: number of steps done.
        done: completed part of the run, from 0 to 1.
        loss: mean distance of the joints at one of the last 20 steps, in millimetres.
        speed: windows per second in this process.
    """

    step: int
    done: float
    loss: float
    speed: float


class LiftingTrainer:
    """The optimisation of one lifting network. A training checkpoint holds its complete state.

    Attributes:
        step: number of steps done.
        seconds: training time so far.
        network: the network in training; ``averaged`` returns the one to use.

    Args:
        recipe: the settings.
        mocap: the clips to train on.
        device: the device of the network and of the windows.
    """

    def __init__(self, recipe: LiftingRecipe, mocap: Mocap, device: torch.device):
        torch.manual_seed(recipe.seed)
        torch.set_float32_matmul_precision("high")
        self.recipe, self.device = recipe, device
        self.step, self.seconds, self._loss = 0, 0.0, math.nan
        self.network = LiftingNetwork(recipe.network).to(device)
        self._average = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self._generator = torch.Generator(device).manual_seed(recipe.seed)
        self._bodies = BodyMaker(mocap, recipe.network.frames, recipe.network.rate, recipe.variation, device)

    def save(self, path: Path) -> None:
        """Write a training checkpoint atomically.

        Raises:
            OutputError: the file cannot be written.
        """
        state: dict[str, object] = {
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "recipe": json.dumps(self.recipe.fixed_settings(), sort_keys=True),
        }
        write_state_dict(path, state)

    def resume(self, path: Path) -> None:
        """Restore the state of a training checkpoint of the same recipe.

        Raises:
            ModelError: the file is not such a training checkpoint.
        """
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            same = state["recipe"] == json.dumps(self.recipe.fixed_settings(), sort_keys=True)
            if not same:
                raise ModelError(f"{path}: its run has other settings; give the same ones, or another folder")
            self.network.load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])
            for name, tensor in self._average.items():
                tensor.copy_(state["average"][name])
            self.step, self.seconds = state["step"], state["seconds"]
            # Generators of different kinds of devices have states of different sizes.
            if len(state["generator"]) == len(self._generator.get_state()):
                self._generator.set_state(state["generator"].cpu())
        except ModelError:
            raise
        except Exception as error:  # damaged files make torch and pickle raise many kinds
            reason = " ".join(str(error).split())[:120]
            raise ModelError(f"{path}: not a training checkpoint of this run ({reason})") from None

    @property
    def done(self) -> float:
        """Completed part of the run, from 0 to 1."""
        recipe = self.recipe
        done = self.seconds / 60 / recipe.minutes if recipe.minutes else self.step / recipe.steps
        return min(1.0, done)

    @property
    def finished(self) -> bool:
        """Whether the run is at its end."""
        return self.done >= 1

    def steps(self) -> Iterator[LiftingProgress]:
        """Train to the run's end, and yield the state after every step."""
        self.network.train()
        first, begun, before = self.step, time.monotonic(), self.seconds
        while self.done < 1:
            loss = self._step()
            if self.step % 20 == 0 or self.step == 1:  # reading the loss waits for the device
                self._loss = float(loss) * 1000
            self.seconds = before + time.monotonic() - begun
            speed = (self.step - first) * self.recipe.batch / max(self.seconds - before, 1e-9)
            yield LiftingProgress(self.step, self.done, self._loss, speed)

    def averaged(self) -> LiftingNetwork:
        """Return a network with the averaged weights, in evaluation mode; this is the network to use."""
        network = LiftingNetwork(self.recipe.network).to(self.device)
        network.load_state_dict(self._average)
        return network.eval()

    def _step(self) -> Tensor:
        recipe = self.recipe
        views = self._mirrored(
            project(self._bodies.random(recipe.batch, self._generator), recipe.cameras, self._generator)
        )
        keypoints = add_errors(views, recipe.errors, self._generator)
        right = torch.rand(recipe.batch, generator=self._generator, device=self.device) >= recipe.with_errors
        keypoints = torch.where(
            right[:, None, None, None], add_errors(views, NO_ERRORS, self._generator), keypoints
        )
        found = self.network(relative_to_window(keypoints))
        # In training the root is a joint like the others; inference sets it to zero.
        loss = (found - views.poses[:, recipe.network.output_frame]).norm(dim=-1).mean()
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.learning_rate * self._factor()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimiser.step()
        self.step += 1
        keep = min(recipe.ema_decay, (1 + self.step) / (10 + self.step))
        state = self.network.state_dict()
        learned = [name for name, tensor in state.items() if tensor.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_([self._average[n] for n in learned], [state[n] for n in learned], 1 - keep)
        return loss.detach()

    def _factor(self) -> float:
        """Return the learning rate as a part of the highest one."""
        rising = min(1.0, (self.step + 1) / self.recipe.warmup)
        return rising * 0.5 * (1 + math.cos(math.pi * self.done))

    def _mirrored(self, views: Views) -> Views:
        """Return the views with every second body mirrored."""
        keypoints, poses = views.keypoints.clone(), views.poses.clone()
        for array, skeleton in ((keypoints, COCO17), (poses, H36M17)):
            array[::2] = array[::2, :, list(skeleton.flip_order)]
            array[::2, ..., 0] *= -1
        return Views(keypoints, poses, views.away)
