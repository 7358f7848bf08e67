"""How far lifts from single views are from the triangulation of all views, on clips of calibrated cameras.

    python benchmarks/lifting_views.py DEMO/calibration/Calib.qca.txt DEMO/videos/*.mp4

DEMO is a folder of the package Pose2Sim, such as Pose2Sim/Demo_SinglePerson; cameras are called as the videos are. Each video's skeletons are kept
beside it as .npz. The most important person of each view is taken for the same one.
"""

from __future__ import annotations

import argparse
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

import skelstream
from skelstream.evaluation.lifting import pa_mpjpe
from skelstream.processing.lifting.lift import lift
from skelstream.processing.lifting.lifter import Lifter
from skelstream.skeleton import COCO17, H36M17, convert

LIMBS = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
JOINTS = [
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
]
LEAST_SCORE, LEAST_VIEWS = 0.3, 3
FARTHEST = 20.0  # pixels of reprojection


@dataclass(frozen=True)
class Camera:
    """A calibrated camera: places in space X are seen at ``matrix (turn X + move)``, distorted."""

    matrix: np.ndarray
    distortion: np.ndarray
    turn: np.ndarray
    move: np.ndarray

    def seen(self, place: np.ndarray) -> np.ndarray:
        turn = cv2.Rodrigues(self.turn)[0]
        return cv2.projectPoints(place.reshape(1, 3), turn, self.move, self.matrix, self.distortion)[
            0
        ].ravel()


def cameras(path: Path) -> dict[str, Camera]:
    """The cameras of a Qualisys calibration by name; its numbers are in 64ths of a pixel and millimetres."""
    found = {}
    for camera in ET.parse(path).getroot().iterfind("cameras/camera"):
        inner, outer, view = (
            {k: float(v) for k, v in camera.find(part).attrib.items()}
            for part in ("intrinsic", "transform", "fov_video")
        )
        matrix = np.eye(3)
        for row, (axis, edge) in enumerate((("U", "left"), ("V", "top"))):
            matrix[row, row] = inner[f"focalLength{axis}"] / 64
            matrix[row, 2] = inner[f"centerPoint{axis}"] / 64 - view[edge]
        names = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
        turn = np.array([[outer[f"r{a}{b}"] for b in (1, 2, 3)] for a in (1, 2, 3)])
        place = np.array([outer[axis] for axis in "xyz"]) / 1000
        about = np.diag([1.0, -1.0, -1.0])  # its cameras look along -z
        distortion = np.array([inner[name] / 64 for name in names])
        found[camera.attrib["serial"]] = Camera(matrix, distortion, about @ turn, -about @ turn @ place)
    return found


def triangulated(views: list[tuple[Camera, np.ndarray, float]]) -> tuple[np.ndarray, float]:
    """A joint in space by the direct linear transform, each view weighted by its score; and its mean reprojection in pixels."""
    rows = []
    for camera, pixel, score in views:
        x, y = cv2.undistortPoints(
            pixel.reshape(1, 1, 2).astype(np.float64), camera.matrix, camera.distortion
        ).ravel()
        whole = np.column_stack([camera.turn, camera.move])
        rows += [score * (x * whole[2] - whole[0]), score * (y * whole[2] - whole[1])]
    last = np.linalg.svd(np.array(rows))[2][-1]
    place = last[:3] / last[3]
    return place, float(np.mean([np.linalg.norm(camera.seen(place) - pixel) for camera, pixel, _ in views]))


def spread(poses: np.ndarray, joints: tuple[str, ...]) -> float:
    """Standard deviation of the limbs' lengths over time, in percent of the length; the mean over limbs."""
    found = []
    for side in ("left", "right"):
        for a, b in LIMBS:
            bone = poses[:, joints.index(f"{side}_{a}")] - poses[:, joints.index(f"{side}_{b}")]
            length = np.linalg.norm(bone, axis=1)
            found.append(length.std() / length.mean())
    return 100 * float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calibration", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--weights", default="skelstream-lift")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known, lifter = cameras(options.calibration), Lifter(options.weights, "cpu")
    tracks, coco = {}, {}
    for video in options.videos:
        kept = video.with_suffix(".npz")
        sequence = skelstream.load(kept) if kept.exists() else skelstream.extract(video, kept)
        tracks[video.stem] = lift(sequence, lifter)[0]
        coco[video.stem] = convert(
            tracks[video.stem].keypoints, tracks[video.stem].scores, sequence.skeleton, COCO17
        )
    rows = {name: {int(f): i for i, f in enumerate(track.frame_index)} for name, track in tracks.items()}
    frames = sorted(set().union(*rows.values()))
    space, off = np.full((len(frames), len(COCO17), 3), np.nan), []
    for n, frame in enumerate(frames):
        for j in range(len(COCO17)):
            seen = [
                (known[name], coco[name][0][at[frame], j], coco[name][1][at[frame], j])
                for name, at in rows.items()
                if frame in at
            ]
            seen = [view for view in seen if view[2] >= LEAST_SCORE]
            if len(seen) >= LEAST_VIEWS:
                place, error = triangulated(seen)
                off.append(error)
                if error <= FARTHEST:
                    space[n, j] = place
    ours, lifted = ([joints.index(name) for name in JOINTS] for joints in (COCO17.joints, H36M17.joints))
    whole = np.isfinite(space[:, ours, 0]).all(1)
    print(
        f"reprojection {np.median(off):.1f} px (median); {whole.sum()} of {len(frames)} frames whole, whose bones spread by {spread(space[whole], COCO17.joints):.1f} %"
    )
    for name, at in rows.items():
        shared = [
            (n, at[f])
            for n, f in enumerate(frames)
            if whole[n] and f in at and np.isfinite(tracks[name].lifted.keypoints[at[f], 0, 0])
        ]
        true = space[[n for n, _ in shared]][:, ours] * 1000
        poses = tracks[name].lifted.keypoints[[row for _, row in shared]]
        held = np.repeat(true[:1], len(true), 0)
        print(
            f"{name}: {len(shared)} frames, PA-MPJPE {pa_mpjpe(poses[:, lifted] * 1000, true).mean():.1f} mm"
            f" (pose of the first frame {pa_mpjpe(held, true).mean():.1f}), bones spread by {spread(poses, H36M17.joints):.1f} %"
        )


if __name__ == "__main__":
    main()
