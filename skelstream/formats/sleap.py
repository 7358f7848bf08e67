"""SLEAP's analysis HDF5, through h5py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.atomic import replacing
from skelstream.formats.extra import require
from skelstream.formats.format import Format, Sample, WriteOptions


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write SLEAP's datasets; every track has its own slab, so that memory holds one track at a time.

    ``tracks`` float64 (tracks, 2, nodes, frames), NaN where missing; ``point_scores`` (tracks, nodes,
    frames); ``instance_scores`` and ``tracking_scores``, which nobody knows and are NaN, (tracks, frames);
    ``track_occupancy`` uint8 (frames, tracks); ``track_names``, ``node_names``, ``edge_names``, ``edge_inds``;
    ``video_path``. Column i is the video's frame i, whatever part of the video was looked at; the times are added
    as ``frame_time``, NaN for frames that were not.
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
            # A track that is away costs no room: whole chunks of the fill value are never written.
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
            there = np.zeros(last - first, np.uint8)
            there[at] = 1
            occupied[first:last, m] = there
        times = np.full(frames, np.nan)
        times[index] = sequence.frame_time
        file["frame_time"] = times
        file["track_names"] = np.array([f"track_{i}" for i in sequence.track_ids], "S")
        file["node_names"] = np.array(skeleton.joints, "S")
        file["edge_names"] = np.array([[skeleton.joints[i] for i in limb] for limb in skeleton.limbs], "S")
        file["edge_inds"] = np.array(skeleton.limbs, np.int64)
        file["video_path"] = str(sequence.meta.get("source") or "")
        file.flush()
        temporary.write_bytes(file.id.get_file_image())


FORMAT = Format("sleap", (".analysis.h5", ".h5"), "SLEAP's analysis HDF5", write)
