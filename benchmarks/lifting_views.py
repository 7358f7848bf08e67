"""Error of poses lifted from single views against triangulation of all views, on clips of calibrated cameras.

    python benchmarks/lifting_views.py DEMO/calibration/Calib.qca.txt DEMO/videos/*.mp4

DEMO is a folder of the package Pose2Sim, such as Pose2Sim/Demo_SinglePerson; cameras have the names of the
videos. Each video's skeletons are kept beside it as .npz. The most important person of each view is assumed
to be the same.
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
MIN_SCORE, MIN_VIEWS = 0.3, 3
MAX_REPROJECTION = 20.0  # pixels


@dataclass(frozen=True)
class Camera:
    """A calibrated camera: it projects a point X to ``matrix (rotation X + translation)``, distorted."""

    matrix: np.ndarray
    distortion: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def project(self, point: np.ndarray) -> np.ndarray:
        """Return the pixel (2,) of a point (3,)."""
        rotation = cv2.Rodrigues(self.rotation)[0]
        points = point.reshape(1, 3)
        pixels, _ = cv2.projectPoints(points, rotation, self.translation, self.matrix, self.distortion)
        return pixels.ravel()


def cameras(path: Path) -> dict[str, Camera]:
    """Return the cameras of a Qualisys calibration by name; its units are 1/64 pixel and millimetres."""
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
        rotation = np.array([[outer[f"r{a}{b}"] for b in (1, 2, 3)] for a in (1, 2, 3)])
        position = np.array([outer[axis] for axis in "xyz"]) / 1000
        flip = np.diag([1.0, -1.0, -1.0])  # its cameras look along -z
        distortion = np.array([inner[name] / 64 for name in names])
        found[camera.attrib["serial"]] = Camera(
            matrix, distortion, flip @ rotation, -flip @ rotation @ position
        )
    return found


def triangulated(views: list[tuple[Camera, np.ndarray, float]]) -> tuple[np.ndarray, float]:
    """Return a joint's 3D point by the weighted direct linear transform, and its mean reprojection error."""
    rows = []
    for camera, pixel, score in views:
        x, y = cv2.undistortPoints(
            pixel.reshape(1, 1, 2).astype(np.float64), camera.matrix, camera.distortion
        ).ravel()
        pose = np.column_stack([camera.rotation, camera.translation])
        rows += [score * (x * pose[2] - pose[0]), score * (y * pose[2] - pose[1])]
    last = np.linalg.svd(np.array(rows))[2][-1]
    point = last[:3] / last[3]
    errors = [np.linalg.norm(camera.project(point) - pixel) for camera, pixel, _ in views]
    return point, float(np.mean(errors))


def spread(poses: np.ndarray, joints: tuple[str, ...]) -> float:
    """Return the standard deviation of limb lengths over time in percent, as the mean over limbs."""
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
    calibrated, lifter = cameras(options.calibration), Lifter(options.weights, "cpu")
    tracks, coco = {}, {}
    for video in options.videos:
        path = video.with_suffix(".npz")
        sequence = skelstream.load(path) if path.exists() else skelstream.extract(video, path)
        tracks[video.stem] = lift(sequence, lifter)[0]
        coco[video.stem] = convert(
            tracks[video.stem].keypoints, tracks[video.stem].scores, sequence.skeleton, COCO17
        )
    rows = {name: {int(f): i for i, f in enumerate(track.frame_index)} for name, track in tracks.items()}
    frames = sorted(set().union(*rows.values()))
    points, errors = np.full((len(frames), len(COCO17), 3), np.nan), []
    for n, frame in enumerate(frames):
        for j in range(len(COCO17)):
            seen = [
                (calibrated[name], coco[name][0][at[frame], j], coco[name][1][at[frame], j])
                for name, at in rows.items()
                if frame in at
            ]
            seen = [view for view in seen if view[2] >= MIN_SCORE]
            if len(seen) >= MIN_VIEWS:
                point, error = triangulated(seen)
                errors.append(error)
                if error <= MAX_REPROJECTION:
                    points[n, j] = point
    ours, lifted = ([joints.index(name) for name in JOINTS] for joints in (COCO17.joints, H36M17.joints))
    complete = np.isfinite(points[:, ours, 0]).all(1)
    print(
        f"reprojection {np.median(errors):.1f} px (median);"
        f" {complete.sum()} of {len(frames)} frames complete,"
        f" limb lengths vary by {spread(points[complete], COCO17.joints):.1f} %"
    )
    for name, at in rows.items():
        shared = [
            (n, at[f])
            for n, f in enumerate(frames)
            if complete[n] and f in at and np.isfinite(tracks[name].lifted.keypoints[at[f], 0, 0])
        ]
        true = points[[n for n, _ in shared]][:, ours] * 1000
        poses = tracks[name].lifted.keypoints[[row for _, row in shared]]
        first_pose = np.repeat(true[:1], len(true), 0)
        print(
            f"{name}: {len(shared)} frames, PA-MPJPE {pa_mpjpe(poses[:, lifted] * 1000, true).mean():.1f} mm"
            f" (pose of the first frame {pa_mpjpe(first_pose, true).mean():.1f}),"
            f" limb lengths vary by {spread(poses, H36M17.joints):.1f} %"
        )


if __name__ == "__main__":
    main()
