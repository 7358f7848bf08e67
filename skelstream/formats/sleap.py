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
    frames); ``instance_scores`` (tracks, frames); ``track_occupancy`` uint8 (frames, tracks);
    ``track_names``, ``node_names``, ``edge_names``, ``edge_inds``; ``video_path``. Frame i is row i of the
    frame table; the times are added as ``frame_time``.
    """
    h5py = require("h5py", "sleap")
    sequence = sample.sequence
    skeleton, frames, tracks = sequence.skeleton, sequence.frames, len(sequence)
    joints = len(skeleton)
    with replacing(path) as temporary, h5py.File(temporary, "x", track_order=True) as file:

        def dataset(name: str, shape: tuple[int, ...], chunk: tuple[int, ...], kind: type, fill: float):
            # A track that is away costs no room: whole chunks of the fill value are never written.
            chunks = tuple(min(c, s) for c, s in zip(chunk, shape, strict=True)) if all(shape) else None
            squeeze = {"chunks": chunks, "compression": "gzip", "compression_opts": 1} if chunks else {}
            return file.create_dataset(name, shape, kind, fillvalue=fill, **squeeze)

        part = 1024
        places = dataset("tracks", (tracks, 2, joints, frames), (1, 2, joints, part), np.float64, np.nan)
        scores = dataset("point_scores", (tracks, joints, frames), (1, joints, part), np.float64, np.nan)
        persons = dataset("instance_scores", (tracks, frames), (1, part), np.float64, np.nan)
        occupancy = np.zeros((frames, tracks), np.uint8)
        for m, track in enumerate(sequence):
            first, last = int(track.frame[0]), int(track.frame[-1]) + 1
            at = track.frame - first
            slab = np.full((3, joints, last - first), np.nan)
            slab[:2, :, at] = track.keypoints.transpose(2, 1, 0)
            slab[2][:, at] = np.where(np.isnan(track.keypoints[..., 0]), np.nan, track.scores).T
            person = np.full(last - first, np.nan)
            person[at] = track.person_scores
            places[m, :, :, first:last], scores[m, :, first:last] = slab[:2], slab[2]
            persons[m, first:last] = person
            occupancy[track.frame, m] = 1
        file["track_occupancy"] = occupancy
        file["frame_time"] = sequence.frame_time
        file["track_names"] = np.array([f"track_{i}" for i in sequence.track_ids], "S")
        file["node_names"] = np.array(skeleton.joints, "S")
        file["edge_names"] = np.array([[skeleton.joints[i] for i in limb] for limb in skeleton.limbs], "S")
        file["edge_inds"] = np.array(skeleton.limbs, np.int64)
        file["video_path"] = str(sequence.meta.get("source") or "")


FORMAT = Format("sleap", (".analysis.h5", ".h5"), "SLEAP's analysis HDF5", write)
