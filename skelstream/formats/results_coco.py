"""Reader of COCO's and COCO-WholeBody's results and annotations, and of AlphaPose's similar list."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.values import INT32, entry, identifier, integer, items, mapping, real, reals
from skelstream.formats.format import ReadOptions
from skelstream.formats.frames import FoundFrame
from skelstream.skeleton import COCO17, COCO_WHOLEBODY133, HALPE26, Skeleton

# Number of joints of Halpe's whole body, of which the first 26 are kept.
_BEGIN_AS_HALPE = 136

# COCO-WholeBody's keys of the joints after COCO's 17, in order, and their numbers.
_PARTS = {"foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}


def frames_of(rows: list[Any], options: ReadOptions) -> tuple[list[FoundFrame], Skeleton]:
    """Return the frames of COCO's or AlphaPose's entries, which identify images by number or file name, and the joint set.

    Raises:
        FormatError: an entry is damaged, or entries contradict each other.
    """
    whole = any(isinstance(row, dict) and not row.keys().isdisjoint(_PARTS) for row in rows)
    people: dict[int | str, list[tuple[np.ndarray, Any, Any, Any]]] = {}
    categories = set()
    for i, row in enumerate(rows):
        name = f"entry {i}"
        row = mapping(row, name)
        categories.add(identifier(row.get("category_id", 1), f"{name}: category_id"))
        values = reals(entry(row, "keypoints", name), f"{name}: keypoints", (-1,))
        if len(values) % 3 or not len(values):
            raise FormatError(f"{name}: keypoints has {len(values)} values, not three for each joint")
        if whole:
            values = np.concatenate([values, *_parts(row, len(values), name)])
        image = identifier(entry(row, "image_id", name), f"{name}: image_id")
        score = None if row.get("score") is None else real(row["score"], f"{name}: score", 0)
        corner = row.get("bbox") or row.get("box")
        box = None if not corner else reals(corner, f"{name}: box", (4,))
        people.setdefault(image, []).append((values.reshape(-1, 3), box, score, _identity(row, name)))
    if len(categories) > 1:
        raise FormatError(f"entries have several categories: {sorted(map(str, categories))[:3]}")
    if len({pose.shape for found in people.values() for pose, *_ in found}) > 1:
        raise FormatError("people have different numbers of joints")
    skeleton = begins_as(len(next(iter(people.values()))[0][0]), options)
    numbers = _numbers(list(people), options)
    # Without tracking, AlphaPose gives everybody the same id.
    distinct_ids = all(
        None not in ids and len(set(ids)) == len(ids)
        for ids in ([identity for *_, identity in found] for found in people.values())
    )
    if not distinct_ids and any(identity for found in people.values() for *_, identity in found):
        options.note("the ids of people are not unique in every frame: all people are tracked again")
    frames = []
    for image, found in people.items():
        poses, boxes, scores, ids = zip(*found, strict=True)
        boxes = None if any(box is None for box in boxes) else np.array(boxes)
        if boxes is not None:
            boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        frames.append(
            FoundFrame(
                numbers[image],
                np.array(poses)[:, : len(skeleton)],
                boxes,
                None if None in scores else np.array(scores),
                np.array(ids) if distinct_ids else None,
            )
        )
    return frames, skeleton


def begins_as(joints: int, options: ReadOptions) -> Skeleton:
    """Return the joint set with which the joints of such a file begin: COCO's 17, Halpe's 26 or COCO-WholeBody's 133.

    Raises:
        FormatError: no joint set has that number of joints.
    """
    sets = (COCO17, HALPE26, COCO_WHOLEBODY133)
    for skeleton in sets:
        if joints == len(skeleton):
            return skeleton
    if joints == _BEGIN_AS_HALPE:
        options.note(f"of Halpe's {joints} joints, the first {len(HALPE26)} are kept ({HALPE26.name})")
        return HALPE26
    known = ", ".join(map(str, (*map(len, sets), _BEGIN_AS_HALPE)))
    raise FormatError(f"people have {joints} joints; known joint sets have {known}")


def check_categories(content: Any) -> None:
    """Check that the annotations' categories, if given, have COCO's joints.

    Raises:
        FormatError: a category has other joints.
    """
    for category in content.get("categories") or () if isinstance(content, dict) else ():
        names = category.get("keypoints") if isinstance(category, dict) else None
        if names and tuple(map(str, items(names, "a category's keypoints"))) != COCO17.joints:
            raise FormatError("its joints are not COCO's 17")


def _parts(row: dict[str, Any], given: int, name: str) -> list[np.ndarray]:
    """Return the values of COCO-WholeBody's parts of one entry, zeros where it lacks one."""
    if given != 3 * len(COCO17):
        raise FormatError(
            f"{name}: keypoints has {given} values beside hands, face or feet, not {3 * len(COCO17)}"
        )
    return [
        reals(row[key], f"{name}: {key}", (3 * joints,)) if row.get(key) else np.zeros(3 * joints)
        for key, joints in _PARTS.items()
    ]


def _identity(row: dict[str, Any], name: str) -> int | None:
    for key in ("track_id", "idx"):
        value = row.get(key)
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is not None and not isinstance(value, list):
            return integer(value, f"{name}: {key}")
    return None


def _numbers(images: list[int | str], options: ReadOptions) -> dict[int | str, int]:
    """Return the number of each image: its id, or the number in its file name, or its position in the file."""
    found = {}
    for image in images:
        digits = [str(image)] if isinstance(image, int) else re.findall(r"\d+", PurePath(image).stem)
        if not digits or not digits[-1].isascii() or len(digits[-1]) > 10 or int(digits[-1]) > INT32:
            break
        found[image] = int(digits[-1])
    if len(found) == len(images) == len(set(found.values())):
        return found
    options.note("the image names contain no unique numbers: images are counted in the order of the file")
    return {image: i for i, image in enumerate(images)}
