"""SLEAP's analysis HDF5, through h5py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.json import parse_json
from skelstream.files.text import printable
from skelstream.formats import deeplabcut
from skelstream.formats.extra import require
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.frames import FoundFrame, assembled, check_length
from skelstream.formats.joint_names import joints_of, note_joints, select_joints
from skelstream.formats.zipped import check_unpacked
from skelstream.sequences import Detections, SkeletonSequence

_PART = 1 << 16


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write SLEAP's datasets track by track, so that one track is in memory at a time.

    ``tracks`` is float64 (tracks, 2, nodes, frames), NaN where missing; ``point_scores`` (tracks, nodes,
    frames); ``instance_scores`` and ``tracking_scores`` (tracks, frames), the latter unknown and NaN;
    ``track_occupancy`` uint8 (frames, tracks); in addition ``track_names``, ``node_names``, ``edge_names``,
    ``edge_inds`` and ``video_path``. Column i is the video's frame i, also if only a part of the video was
    processed. ``frame_time`` has the times, NaN for frames that were not processed.
    """
    h5py = require("h5py", "sleap")
    sequence = sample.sequence
    skeleton, tracks, index = sequence.skeleton, len(sequence), sequence.frame_index
    frames = int(index[-1]) + 1 if len(index) else 0
    joints = len(skeleton)
    # In memory first, compressed: on a full disk HDF5 itself ends the process.
    memory = {"driver": "core", "backing_store": False}
    with replacing(path) as temporary, h5py.File(temporary, "x", track_order=True, **memory) as file:

        def dataset(name: str, shape: tuple[int, ...], chunk: tuple[int, ...], kind: type, fill: float):
            # Frames without the track take no space: chunks with the fill value only are never written.
            chunks = tuple(min(c, s) for c, s in zip(chunk, shape, strict=True)) if all(shape) else None
            squeeze = {"chunks": chunks, "compression": "gzip", "compression_opts": 1} if chunks else {}
            return file.create_dataset(name, shape, kind, fillvalue=fill, **squeeze)

        part = 1024
        places = dataset("tracks", (tracks, 2, joints, frames), (1, 2, joints, part), np.float64, np.nan)
        scores = dataset("point_scores", (tracks, joints, frames), (1, joints, part), np.float64, np.nan)
        persons = dataset("instance_scores", (tracks, frames), (1, part), np.float64, np.nan)
        dataset("tracking_scores", (tracks, frames), (1, part), np.float64, np.nan)
        occupied = dataset("track_occupancy", (frames, tracks), (part, 1), np.uint8, 0)
        for m, track in enumerate(sequence):
            first, last = int(track.frame_index[0]), int(track.frame_index[-1]) + 1
            at = track.frame_index - first
            slab = np.full((3, joints, last - first), np.nan)
            slab[:2, :, at] = track.keypoints.transpose(2, 1, 0)
            slab[2][:, at] = np.where(np.isnan(track.keypoints[..., 0]), np.nan, track.scores).T
            person = np.full(last - first, np.nan)
            person[at] = track.person_scores
            places[m, :, :, first:last], scores[m, :, first:last] = slab[:2], slab[2]
            persons[m, first:last] = person
            present = np.zeros(last - first, np.uint8)
            present[at] = 1
            occupied[first:last, m] = present
        times = np.full(frames, np.nan)
        times[index] = sequence.frame_time
        file["frame_time"] = times
        file["track_names"] = np.array([f"track_{i}" for i in sequence.track_ids], "S")
        file["node_names"] = np.array(skeleton.joints, "S")
        file["edge_names"] = np.array([[skeleton.joints[i] for i in limb] for limb in skeleton.limbs], "S")
        file["edge_inds"] = np.array(skeleton.limbs, np.int64)
        # File names may contain undecodable bytes, which HDF5 does not accept.
        source = str(sequence.meta.get("source") or "")
        file["video_path"] = source.encode("utf-8", "replace").decode("utf-8")
        file.flush()
        temporary.write_bytes(file.id.get_file_image())


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a file, or DeepLabCut's with the same ending; joints are recognised by the names of the nodes.

    Raises:
        FormatError: the file is damaged or of another format, or its nodes are not joints of people.
    """
    h5py = require("h5py", "sleap")
    try:
        with h5py.File(path, "r") as file:
            if "tracks" not in file and deeplabcut.pandas_group(file):
                return deeplabcut.read(path, options)
            return _sequence(file, path, options)
    except (FormatError, FileNotFoundError):
        raise
    except Exception as error:
        # HDF5 raises its own exceptions for damaged bytes.
        raise FormatError(f"not SLEAP's analysis file, or damaged: {printable(str(error))[:100]}") from None


def _sequence(file: Any, path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    if not {"tracks", "node_names"} <= set(file):
        raise FormatError("not SLEAP's analysis file: it has no tracks and node_names")
    places = _Dataset(file["tracks"], ("track", "xy", "node", "frame"))
    tracks, two, nodes, frames = places.shape
    if two != 2:
        raise FormatError(f"tracks has {two} coordinates for each joint, not 2")
    names = [bytes(name).decode("utf-8", "replace") for name in np.asarray(file["node_names"], "S")]
    if len(names) != nodes:
        raise FormatError(f"node_names has {len(names)} names for {nodes} nodes")
    skeleton, at = joints_of(names)
    note_joints(skeleton, at, names, options)
    check_length(frames)
    times = _times(file, frames, options.fps)
    found: dict[int, list[tuple[int, np.ndarray, float]]] = {
        t: [] for t in np.flatnonzero(np.isfinite(times)).tolist()
    }
    held, packed = 0, path.stat().st_size
    for m in range(tracks):
        for start in range(0, frames, _PART):
            # In parts: frames without the track take no space in the file, but do in memory.
            part = places.take(track=m, frame=slice(start, start + _PART))
            present = np.flatnonzero(np.isfinite(part).any((0, 1)))
            if not len(present):
                continue
            # Values that stand nowhere in the file, such as a fill value, must not fill the memory.
            held += 24 * nodes * len(present)
            check_unpacked(held, packed)
            points = part[:, :, present].transpose(2, 1, 0).astype(np.float64)
            scores = _scores(file, "point_scores", ("frame", "node"), m, start + present)
            scores = np.ones(points.shape[:2]) if scores is None else scores
            persons = _scores(file, "instance_scores", ("frame",), m, start + present)
            poses = select_joints(np.concatenate([points, np.nan_to_num(scores)[..., None]], -1), at)
            for k, t in enumerate((start + present).tolist()):
                if t not in found:
                    raise FormatError(f"frame {t} has people but no time")
                found[t].append((m, poses[k], np.nan if persons is None else float(persons[k])))
    ids = _ids(file, tracks)
    read_frames = []
    for t, people in found.items():
        person_scores = np.array([score for *_, score in people])
        known = len(person_scores) and np.isfinite(person_scores).all() and (person_scores >= 0).all()
        read_frames.append(
            FoundFrame(
                t,
                np.array([pose for _, pose, _ in people]).reshape(-1, len(skeleton), 3),
                scores=person_scores if known else None,
                ids=np.array([ids[m] for m, *_ in people], np.int64),
                time=float(times[t]),
            )
        )
    return assembled(read_frames, skeleton, path.name, options, fill_gaps=False)


def _ids(file: Any, tracks: int) -> list[int]:
    """Return the tracks' ids: the numbers in their names if unique, else their positions from 1."""
    names = [bytes(name).decode("utf-8", "replace") for name in np.asarray(file.get("track_names", []), "S")]
    numbers = [int(name[6:]) for name in names if re.fullmatch(r"track_\d{1,9}", name, re.ASCII)]
    return numbers if len(numbers) == len(set(numbers)) == tracks else list(range(1, tracks + 1))


class _Dataset:
    """Dataset of a file in an order of dimensions of its own: SLEAP's, or the one that sleap-io names in ``dims``.

    Args:
        data: dataset.
        order: names of the dimensions in SLEAP's order.

    Attributes:
        shape: sizes in that order.

    Raises:
        FormatError: the dataset has other dimensions.
    """

    def __init__(self, data: Any, order: tuple[str, ...]):
        named = data.attrs.get("dims")
        self._data, self._order = data, order
        self._dims = list(order) if named is None else parse_json(named, "dims")
        if (
            not isinstance(self._dims, list)
            or sorted(map(str, self._dims)) != sorted(order)
            or data.ndim != len(order)
        ):
            raise FormatError(f"{data.name} has shape {data.shape}, expected ({', '.join(order)})")
        self.shape = tuple(data.shape[self._dims.index(name)] for name in order)

    def take(self, **at: Any) -> np.ndarray:
        """Return a part in SLEAP's order; ``at`` gives a number, a slice or numbers for dimensions by name."""
        part = self._data[tuple(at.get(name, slice(None)) for name in self._dims)]
        left = [name for name in self._dims if not isinstance(at.get(name), int)]
        return part.transpose([left.index(name) for name in self._order if name in left])


def _scores(
    file: Any, name: str, order: tuple[str, ...], track: int, frames: np.ndarray
) -> np.ndarray | None:
    """Return a track's scores in some frames, float64, dimensions as in ``order``; None without them."""
    if name not in file:
        return None
    data = _Dataset(file[name], ("track", *order[1:], "frame"))
    if data.shape[0] <= track or data.shape[-1] <= int(frames[-1]):
        return None
    part = np.asarray(data.take(track=track, frame=frames), np.float64)
    return part.T if len(order) == 2 else part


def _times(file: Any, frames: int, fps: float) -> np.ndarray:
    """Return times in seconds (frames,), NaN for frames that were not processed."""
    if "frame_time" not in file or file["frame_time"].shape != (frames,):
        return np.arange(frames) / fps
    return np.asarray(file["frame_time"], np.float64)


FORMAT = Format("sleap", (".analysis.h5", ".h5"), "SLEAP's analysis HDF5", write, read)
