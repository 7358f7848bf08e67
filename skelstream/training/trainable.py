"""Training tasks: a network with its samples and its loss, and the table of networks that can be trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from skelstream.errors import ModelError
from skelstream.network.model_file import find_model, read_header
from skelstream.network.paf import STRIDE, PafConfig, PafNetwork
from skelstream.network.top_down import TopDownConfig, TopDownNetwork
from skelstream.network.weights import load_network
from skelstream.training.annotations import AnnotatedImage, AnnotatedSet
from skelstream.training.augment import Augmentation
from skelstream.training.crops import CropAugmentation, CropSource, subjects
from skelstream.training.detected_people import DetectedPeople
from skelstream.training.distillation import Distillation
from skelstream.training.loss import ViewLoss
from skelstream.training.recipe import Recipe
from skelstream.training.samples import ViewSource, collate_views
from skelstream.training.sampling_order import SamplingOrder

# Pixels: the length of a person's box below which a crop shows too little to learn from.
_LEAST_LENGTH = 24.0


@dataclass(frozen=True)
class Task:
    """A network with its samples and its loss.

    Attributes:
        network: the network with its initial weights.
        loss: a module around the network; it returns the loss of a batch and the loss's parts by name.
        losses: names of the parts.
        source: the samples by number.
        collate: makes a batch of samples.
        backbone: the part of the network whose tensors learn at rates in proportion to their size.
        frozen: the parts of the network that are not trained.
    """

    network: PafNetwork | TopDownNetwork
    loss: nn.Module
    losses: tuple[str, ...]
    source: Any
    collate: Callable[[list[dict]], dict]
    backbone: nn.Module
    frozen: Sequence[nn.Module] = ()


_Sets = Sequence[AnnotatedSet]
_State = dict[str, Tensor] | None
_Detections = Sequence[Sequence[DetectedPeople]] | None
_Read = Callable[[AnnotatedImage], np.ndarray]


def make_task(recipe: Recipe, sets: _Sets, start: _State, detections: _Detections, read: _Read) -> Task:
    """Return the task of a recipe.

    Args:
        recipe: the settings.
        sets: the recipe's sets.
        start: initial weights of the whole network; None for random ones.
        detections: detected people of each image of each set, for the top-down network; else None.
        read: returns an image's pixels.
    """
    torch.manual_seed(recipe.seed)
    return _MAKERS[type(recipe.network)](recipe, sets, start, detections, read)


def _bottom_up(recipe: Recipe, sets: _Sets, start: _State, detections: _Detections, read: _Read) -> Task:
    config, augmentation = recipe.network, recipe.augmentation
    assert isinstance(config, PafConfig) and isinstance(augmentation, Augmentation)
    network = PafNetwork(config)
    if start is not None:
        network.load_state_dict(start)
    order = SamplingOrder([s.images for s in sets], [s.config.weight for s in sets], recipe.seed)
    source = ViewSource(order, augmentation, network.skeleton, STRIDE, recipe.emphasis, read)
    backbone = network.features.backbone
    frozen = [backbone.stem, *backbone.blocks[: recipe.frozen]] if recipe.frozen else []
    return Task(network, ViewLoss(network), ViewLoss.parts, source, collate_views, backbone, frozen)


def _top_down(recipe: Recipe, sets: _Sets, start: _State, detections: _Detections, read: _Read) -> Task:
    config, augmentation = recipe.network, recipe.augmentation
    assert isinstance(config, TopDownConfig) and isinstance(augmentation, CropAugmentation)
    assert detections is not None
    network = TopDownNetwork(config)
    if start is not None:
        network.load_state_dict(start)
    teacher = _teacher(recipe.teacher) if recipe.teacher else deepcopy(network)
    people = [subjects(s.images, f, _LEAST_LENGTH) for s, f in zip(sets, detections, strict=True)]
    order = SamplingOrder(people, [s.config.weight for s in sets], recipe.seed)
    source = CropSource(order, augmentation, network.example_size, teacher.example_size, read)
    loss = Distillation(network, teacher)
    return Task(network, loss, loss.parts, source, default_collate, network)


def _teacher(name: str) -> TopDownNetwork:
    """Return the top-down network of a packaged model or weights file."""
    model = read_header(find_model(name, "teacher"))
    network = load_network(model)
    if not isinstance(network, TopDownNetwork):
        raise ModelError(
            f"{model.path}: weights of a {model.architecture} network, which cannot teach a top-down one"
        )
    return network


_MAKERS = {PafConfig: _bottom_up, TopDownConfig: _top_down}
