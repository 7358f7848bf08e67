"""Small sets of drawn people, in files such as users have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from skelstream.network.backbones import movenet
from skelstream.network.paf import PafConfig
from skelstream.skeleton import COCO17
from skelstream.training.annotations import SetConfig
from skelstream.training.augment import Augmentation
from skelstream.training.recipe import Recipe

# A standing person 60 pixels wide and 100 high, COCO's joints.
STANDING = np.array(
    [
        [30, 8], [33, 5], [27, 5], [37, 8], [23, 8], [44, 24], [16, 24], [54, 40], [6, 40], [59, 56], [1, 56],
        [39, 56], [21, 56], [40, 78], [20, 78], [41, 99], [19, 99],
    ],
    float,
)  # fmt: skip


def standing(at: tuple[float, float] = (0, 0), scale: float = 1.0, **more) -> dict:
    """An annotated standing person with its top left corner at ``at``."""
    keypoints = np.concatenate([STANDING * scale + at, np.full((17, 1), 2.0)], 1)
    w, h = 60 * scale, 100 * scale
    return {
        "keypoints": keypoints.ravel().tolist(), "bbox": [*map(float, at), w, h], "area": 0.5 * w * h, "iscrowd": 0
    } | more  # fmt: skip


def draw(people: list[dict], size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """An image of annotated people on a speckled ground."""
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 120, (*size, 3)).astype(np.uint8)
    for one in people:
        if len(one.get("keypoints", [])) != 51:
            continue
        points = np.nan_to_num(np.array(one["keypoints"], float).reshape(17, 3)[:, :2]).round().astype(int)
        for i, (a, b) in enumerate(COCO17.limbs):
            color = tuple(int(v) for v in np.random.default_rng(i).integers(140, 256, 3))
            cv2.line(image, tuple(map(int, points[a])), tuple(map(int, points[b])), color, 4)
    return image


@pytest.fixture
def person() -> Callable[..., dict]:
    """``standing``, for tests to call."""
    return standing


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., SetConfig]:
    """Write a set of images, each given by its people, as ``name.json`` and a folder ``name``."""

    def write(
        images: list[list[dict]],
        name: str = "people",
        size: tuple[int, int] = (128, 128),
        edit=None,
        **settings,
    ) -> SetConfig:
        folder = tmp_path / name
        folder.mkdir()
        content: dict = {
            "images": [
                {"id": i, "file_name": f"{i}.jpg", "height": size[0], "width": size[1]}
                for i in range(1, len(images) + 1)
            ],
            "annotations": [
                {"id": 100 * i + k, "image_id": i, "category_id": 1} | one
                for i, people in enumerate(images, 1)
                for k, one in enumerate(people)
            ],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
        }
        for i, people in enumerate(images, 1):
            cv2.imwrite(str(folder / f"{i}.jpg"), draw(people, size, i))
        if edit:
            edit(content)
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content))
        return SetConfig(path, folder, **settings)

    return write


@pytest.fixture
def people_set(write_set) -> SetConfig:
    """Six images of one or two people."""
    return write_set([[standing((20 + 5 * i, 10))] + [standing((70, 40), 0.6)] * (i % 2) for i in range(6)])


@pytest.fixture
def narrow_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone with the same outputs and a sixth of the inner width, for quick tests."""
    monkeypatch.setattr(movenet, "_BLOCKS", [(1, outputs, stride) for _, outputs, stride in movenet._BLOCKS])


@pytest.fixture
def recipe(people_set: SetConfig, narrow_backbone: None) -> Recipe:
    """A run of four steps with a narrow network on small crops, in float32."""
    return Recipe(
        sets=[people_set],
        network=PafConfig("movenet", width=16, layers=1),
        augmentation=Augmentation(crop=64),
        samples=16,
        batch=4,
        backbone_learning_rate=0.5,
        warmup=4,
        precision="float32",
        name="tiny",
    )


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
