"""What a run trains: a network, its samples and its loss. One table of the networks that can be trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from skelstream.network.paf import STRIDE, PafConfig, PafNetwork
from skelstream.network.top_down import TopDownConfig, TopDownNetwork
from skelstream.training.annotations import AnnotatedImage, AnnotatedSet
from skelstream.training.augment import Augmentation
from skelstream.training.crops import CropAugmentation, CropSource, subjects
from skelstream.training.detected_people import Found
from skelstream.training.distillation import Distillation
from skelstream.training.loss import ViewLoss
from skelstream.training.recipe import Recipe
from skelstream.training.samples import ViewSource, collate_views
from skelstream.training.sampling_order import Turns

# Pixels: the box's length below which a crop of somebody has nothing to teach.
_LEAST_LENGTH = 24.0


@dataclass(frozen=True)
class Task:
    """What a run trains.

    Attributes:
        network: with its initial weights.
        loss: a module around the network: a batch on its device to the loss and its parts by name.
        losses: the parts' names.
        source: samples by number.
        collate: samples to a batch.
        backbone: the part whose tensors learn at rates in proportion to their size.
        frozen: parts that stay as they start.
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
_Found = Sequence[Sequence[Found]] | None
_Read = Callable[[AnnotatedImage], np.ndarray]


def make_task(recipe: Recipe, sets: _Sets, start: _State, found: _Found, read: _Read) -> Task:
    """The task of a recipe.

    Args:
        sets: the recipe's, read.
        start: initial weights of the whole network; None for random ones.
        found: for the top-down network: whom a first look finds in the images of each set.
        read: an image's pixels.
    """
    torch.manual_seed(recipe.seed)
    return _MAKERS[type(recipe.network)](recipe, sets, start, found, read)


def _bottom_up(recipe: Recipe, sets: _Sets, start: _State, found: _Found, read: _Read) -> Task:
    config, augmentation = recipe.network, recipe.augmentation
    assert isinstance(config, PafConfig) and isinstance(augmentation, Augmentation)
    network = PafNetwork(config)
    if start is not None:
        network.load_state_dict(start)
    turns = Turns([s.images for s in sets], [s.config.weight for s in sets], recipe.seed)
    source = ViewSource(turns, augmentation, network.skeleton, STRIDE, recipe.emphasis, read)
    backbone = network.features.backbone
    frozen = [backbone.stem, *backbone.blocks[: recipe.frozen]] if recipe.frozen else []
    return Task(network, ViewLoss(network), ViewLoss.parts, source, collate_views, backbone, frozen)


def _top_down(recipe: Recipe, sets: _Sets, start: _State, found: _Found, read: _Read) -> Task:
    config, augmentation = recipe.network, recipe.augmentation
    assert isinstance(config, TopDownConfig) and isinstance(augmentation, CropAugmentation)
    assert found is not None
    network, teacher = TopDownNetwork(config), TopDownNetwork(config)
    if start is not None:
        network.load_state_dict(start)
    teacher.load_state_dict(network.state_dict())
    people = [subjects(s.images, f, _LEAST_LENGTH) for s, f in zip(sets, found, strict=True)]
    turns = Turns(people, [s.config.weight for s in sets], recipe.seed)
    source = CropSource(turns, augmentation, (config.height, config.width), read)
    loss = Distillation(network, teacher)
    return Task(network, loss, loss.parts, source, default_collate, network)


_MAKERS = {PafConfig: _bottom_up, TopDownConfig: _top_down}
