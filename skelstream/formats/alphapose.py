"""Writer of AlphaPose's result list."""

from __future__ import annotations

from pathlib import Path

from skelstream.formats.coco import people_in_coco
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import write_list
from skelstream.formats.results_json import read
from skelstream.skeleton import COCO17, HALPE26


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with an entry for every person of every frame, in COCO's 17 joints or, on request, Halpe's 26.

    ``image_id`` is the image's name, or for a video ``<frame number>.jpg``, as AlphaPose names its frames;
    ``idx`` is the track's id, ``box`` is x, y, width, height; missing joints are 0, 0, 0.
    """
    people = people_in_coco(
        sample.sequence, HALPE26.name if options.skeleton == HALPE26.name else COCO17.name
    )
    write_list(
        (
            {"image_id": name or f"{i}.jpg", **entry, "box": box, "idx": track}
            for i, name, entry, box, track in people
        ),
        path,
    )


FORMAT = Format("alphapose", (".alphapose.json",), "AlphaPose's result list (JSON)", write, read)
