"""TRC tables of marker positions of one person: read in pixels, from Sports2D and Pose2Sim, and written in 3D."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.text import printable
from skelstream.files.values import integer
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.frames import FoundFrame, assembled
from skelstream.formats.joint_names import joints_of, note_joints, select_joints
from skelstream.formats.rows import read_text
from skelstream.formats.space import first_person
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.sequences.lifted import SKELETON

_HEADER = 5
# Positions below this are in metres: no person is that small in pixels or that tall in metres.
_METRES = 20.0


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read the person of such a file; the table has no scores, so every joint that is not missing has score 1.

    Raises:
        FormatError: the file is damaged or in metres, or its markers are not joints of people.
    """
    lines = read_text(path).split("\n")
    if not lines[0].startswith("PathFileType") or len(lines) < _HEADER:
        raise FormatError("not a TRC table")
    names = [name.strip() for name in lines[3].split("\t")[2:] if name.strip()]
    numbers, times, rows = [], [], []
    for number, line in enumerate(lines[_HEADER:], _HEADER + 1):
        if not line.strip():
            continue
        cells = line.rstrip("\r\n").split("\t")
        try:
            values = [float(cell) if cell.strip() else np.nan for cell in cells]
        except ValueError as error:
            raise FormatError(f"line {number}: {printable(str(error))}") from None
        values += [np.nan] * (2 + 3 * len(names) - len(values))
        if len([v for v in values[2 + 3 * len(names) :] if v == v]):
            raise FormatError(f"line {number} has {len(cells)} cells for {len(names)} markers")
        numbers.append(integer(values[0], f"line {number}: the frame's number"))
        times.append(values[1])
        rows.append(values[2 : 2 + 3 * len(names)])
    if not rows:
        raise FormatError("contains no frames")
    points = np.array(rows).reshape(len(rows), len(names), 3)[..., :2]
    if not np.isfinite(times).all() or np.isinf(points).any():
        raise FormatError("a time or a position is not finite")
    skeleton, places = joints_of(names)
    note_joints(skeleton, places, names, options)
    points = select_joints(points, places)
    present = np.all(np.isfinite(points), axis=-1)
    if present.any() and (np.abs(points[present]).max() < _METRES or np.median(points[present][:, 1]) < 0):
        raise FormatError("its positions are not pixels (metres, y upwards?); give the file in pixels")
    options.note("the table has no scores: every joint that is not missing gets 1")
    whole = np.concatenate([points, present[..., None].astype(np.float64)], -1)
    frames = [
        FoundFrame(
            number, whole[[t]] if present[t].any() else whole[:0, :],
            ids=np.ones(int(present[t].any()), np.int64), time=float(times[t]),
        )
        for t, number in enumerate(numbers)
    ]  # fmt: skip
    return assembled(frames, skeleton, path.name, options)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write the most important person's 3D joints in metres from the mid-hip; cells are NaN where missing.

    x is right, y up, z towards the camera. There is a row for every frame of the sequence; rows of uneven frames are
    interpolated.

    Raises:
        FormatError: the sequence was not lifted, or has no people.
    """
    person = first_person(sample, "trc", options)
    names, rate, count = SKELETON.joints, person.rate, len(person.times)
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{sample.name}.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate:.6g}\t{rate:.6g}\t{count}\t{len(names)}\tm\t{rate:.6g}\t0\t{count}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(names)) for axis in "XYZ"),
    ]
    rows = [
        f"{number}\t{time:.6f}\t" + "\t".join("NaN" if value != value else f"{value:.5f}" for value in places)
        for number, (time, places) in enumerate(
            zip(person.times.tolist(), person.keypoints.reshape(count, -1).tolist(), strict=True)
        )
    ]
    with replacing(path) as temporary:
        temporary.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


FORMAT = Format(
    "trc",
    (".trc",),
    "TRC tables: reads Sports2D's in pixels, writes a lifted person",
    write,
    read,
    holds_3d=True,
    holds_parts=False,
)
