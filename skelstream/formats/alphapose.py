"""Writer of AlphaPose's result list."""

from __future__ import annotations

from pathlib import Path

from skelstream.formats.coco import people_in_coco
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import write_list
from skelstream.formats.parts import as_joint_set, note_body_only
from skelstream.formats.results_json import read
from skelstream.skeleton import COCO17, COCO_WHOLEBODY133, HALPE26

_ON_REQUEST = (HALPE26.name, COCO_WHOLEBODY133.name)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with an entry for every person of every frame, in COCO's 17 joints or, on request, Halpe's 26 or
    COCO-WholeBody's 133.

    ``image_id`` is the image's name, or for a video ``<frame number>.jpg``, as AlphaPose names its frames;
    ``idx`` is the track's id, ``box`` is x, y, width, height; missing joints are 0, 0, 0.
    """
    name = options.skeleton if options.skeleton in _ON_REQUEST else COCO17.name
    if name != COCO_WHOLEBODY133.name:
        note_body_only(sample, "alphapose", options, COCO_WHOLEBODY133.name)
    people = people_in_coco(as_joint_set(sample, name, "alphapose", options))
    write_list(
        (
            {"image_id": name or f"{i}.jpg", **entry, "box": box, "idx": track}
            for i, name, entry, box, track in people
        ),
        path,
    )


FORMAT = Format("alphapose", (".alphapose.json",), "AlphaPose's result list (JSON)", write, read)
