"""Synthetic street scenes: walking stick figures with known identities, and imperfect pose estimates.

Tests and benchmarks use them because no public clip with a suitable licence has both identities and
keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skelstream.evaluation.tracking import confirmed_ids
from skelstream.geometry.similarity import oks
from skelstream.people import People
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

_DUPLICATE_SHIFT = 0.02
_MIN_JOINTS = 4


@dataclass(frozen=True)
class SceneFrame:
    """One frame of a scene.

    Attributes:
        time: time in seconds.
        people: the estimator's people, OpenPose-18.
        ids: int (Q,), identities of the true people with enough joints in view.
        keypoints: float32 (Q, 18, 2), true joints in pixels, including hidden ones.
    """

    time: float
    people: People
    ids: np.ndarray
    keypoints: np.ndarray


@dataclass(frozen=True)
class SceneSettings:
    """Content of a scene and errors of the estimator.

    Attributes:
        walkers: number of people in the whole scene.
        seconds: length of the scene.
        fps: frames per second of the camera.
        kept: share of frames kept, at random; below 1, frame intervals vary.
        width, height: size of the image in pixels.
        size: mean height of a person in pixels.
        noise: standard deviation of a joint's position, in person heights.
        missed_joints: share of visible joints that the estimator misses.
        missed_people: share of people that the estimator misses.
        false_people: mean number of false people per frame.
        duplicates: share of people that the estimator returns twice.
    """

    walkers: int = 8
    seconds: float = 10.0
    fps: float = 25.0
    kept: float = 1.0
    width: int = 960
    height: int = 540
    size: float = 220.0
    noise: float = 0.012
    missed_joints: float = 0.05
    missed_people: float = 0.04
    false_people: float = 0.1
    duplicates: float = 0.02


def figure(phase: float, heading: float) -> np.ndarray:
    """Return the joints of a walking stick figure, OpenPose-18.

    Args:
        phase: phase of the gait in radians; 2 pi is two steps.
        heading: walking direction in radians: 0 to the right of the image, pi/2 towards the camera.

    Returns:
        float64 (18, 2), x and y in body heights; the ground below the hips is (0, 0), y points down.
    """
    parts = {"nose": (0.06, 0.0, 0.93), "neck": (0.0, 0.0, 0.82)}
    for side, lateral, turn in (("left", 1.0, 0.0), ("right", -1.0, np.pi)):
        swing = 0.45 * np.sin(phase + turn)
        bend = 0.35 + 0.35 * np.cos(phase + turn)
        hip = np.array([0.0, 0.07 * lateral, 0.52])
        knee = hip + 0.25 * np.array([np.sin(swing), 0, -np.cos(swing)])
        shoulder = np.array([0.0, 0.12 * lateral, 0.82])
        elbow = shoulder + 0.17 * np.array([-np.sin(swing), 0, -np.cos(swing)])
        parts |= {
            f"{side}_hip": hip,
            f"{side}_knee": knee,
            f"{side}_ankle": knee + 0.25 * np.array([np.sin(swing - bend), 0, -np.cos(swing - bend)]),
            f"{side}_shoulder": shoulder,
            f"{side}_elbow": elbow,
            f"{side}_wrist": elbow + 0.15 * np.array([np.sin(0.3 - swing), 0, -np.cos(0.3 - swing)]),
            f"{side}_eye": (0.05, 0.025 * lateral, 0.95),
            f"{side}_ear": (0.0, 0.05 * lateral, 0.94),
        }
    forward, lateral, up = np.array([parts[name] for name in OPENPOSE18.joints]).T
    return np.stack([forward * np.cos(heading) + lateral * np.sin(heading), -up], axis=1)


def scene(settings: SceneSettings, seed: int) -> list[SceneFrame]:
    """Return a scene's frames; equal seeds give equal scenes."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(settings.seconds * settings.fps)) / settings.fps
    paths = [_walk(settings, times, rng) for _ in range(settings.walkers)]
    feet = np.array([foot for _, foot in paths])
    nearest_first = np.argsort(-feet)
    frames = []
    for number, time in enumerate(times):
        true = np.stack([path[number] for path, _ in paths])
        frame = _frame(settings, float(time), true, nearest_first, rng)
        if rng.random() < settings.kept:
            frames.append(frame)
    return frames


def _walk(settings: SceneSettings, times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return the joints of one walker, float (T, 18, 2), and the image row of the feet."""
    foot = settings.height * rng.uniform(0.82, 1.08)
    size = settings.size * (foot / settings.height) * rng.uniform(0.92, 1.08)
    side = rng.choice([-1.0, 1.0])
    speed = side * size * rng.uniform(0.35, 0.9)
    # All people pass the middle of the image, so that paths cross there.
    middle = settings.width / 2 + rng.normal(0, settings.width / 8)
    when = rng.uniform(0.15, 0.85) * settings.seconds
    speeds = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.05, 0.2) * times + rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.3:
        start = rng.uniform(0.2, 0.8) * settings.seconds
        speeds = np.where((times > start) & (times < start + 1.5), 0.0, speeds)  # stands still for a while
    if rng.random() < 0.2:
        speeds = np.where(times > rng.uniform(0.3, 0.7) * settings.seconds, -speeds, speeds)  # turns round
    distance = np.cumsum(speeds) / settings.fps
    x = middle + speed * (distance - np.interp(when, times, distance))
    heading = (0.0 if side > 0 else np.pi) + rng.normal(0, 0.35)
    phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * distance * 1.1 * abs(speed) / size
    joints = np.stack([size * figure(p, heading) for p in phase])
    return joints + np.stack([x, np.full_like(x, foot)], axis=1)[:, None], foot


def _frame(
    settings: SceneSettings,
    time: float,
    true: np.ndarray,
    nearest_first: np.ndarray,
    rng: np.random.Generator,
) -> SceneFrame:
    inside = np.all((true >= 0) & (true < (settings.width, settings.height)), axis=2)
    rows: list[tuple[np.ndarray, float]] = []
    in_view = []
    for rank, person in enumerate(nearest_first):
        visible = inside[person].copy()
        in_view.append(visible.sum() >= _MIN_JOINTS)
        for other in nearest_first[:rank]:
            low, high = true[other].min(axis=0), true[other].max(axis=0)
            margin = (high[0] - low[0]) * 0.15
            behind = (true[person, :, 0] > low[0] + margin) & (true[person, :, 0] < high[0] - margin)
            visible &= ~(behind & (true[person, :, 1] > low[1]) & (true[person, :, 1] < high[1]))
        visible &= rng.random(18) >= settings.missed_joints
        size = np.ptp(true[person, :, 1])
        for copy in range(2):
            noisy = true[person] + rng.normal(0, settings.noise * size, (18, 2))
            noisy = noisy + copy * rng.normal(0, _DUPLICATE_SHIFT * size, 2)
            found = visible & (rng.random(18) >= copy * 0.3)
            is_found = (
                rng.random() >= settings.missed_people if copy == 0 else rng.random() < settings.duplicates
            )
            if is_found and found.sum() >= _MIN_JOINTS:
                score = 0.7 + rng.normal(0, 0.06) - 0.1 * copy
                rows.append((np.where(found[:, None], noisy, np.nan), score))
    for _ in range(rng.poisson(settings.false_people)):
        position = rng.uniform((0, settings.height / 2), (settings.width, settings.height))
        false_person = (
            figure(rng.uniform(0, 6), rng.uniform(0, 6)) * settings.size * rng.uniform(0.5, 1) + position
        )
        found = rng.random(18) < 0.4
        if found.sum() >= _MIN_JOINTS:
            rows.append((np.where(found[:, None], false_person, np.nan), rng.uniform(0.2, 0.55)))
    order = np.array(in_view)
    return SceneFrame(
        time, _as_people(rows), nearest_first[order] + 1, true[nearest_first[order]].astype(np.float32)
    )


def _as_people(rows: list[tuple[np.ndarray, float]]) -> People:
    if not rows:
        return People.none(len(OPENPOSE18))
    keypoints = np.stack([k for k, _ in rows]).astype(np.float32)
    scores = np.isfinite(keypoints[..., 0]) * np.clip([[s] for _, s in rows], 0, 1).astype(np.float32)
    best_first = np.argsort(-scores.mean(1), kind="stable")
    keypoints, scores = keypoints[best_first], scores[best_first]
    boxes = np.concatenate([np.nanmin(keypoints, axis=1), np.nanmax(keypoints, axis=1)], axis=1)
    return People(keypoints, scores, scores.mean(1), boxes)


def scene_similarities(
    frames: Sequence[SceneFrame], tracked: Sequence[TrackedPeople]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return true identities, track ids and the OKS between them of each frame, for ``score_similarities``.

    Tracks that were never confirmed are left out.
    """
    confirmed = confirmed_ids(tracked)
    sigmas = np.array(OPENPOSE18.oks_sigmas)
    result = []
    for frame, found in zip(frames, tracked, strict=True):
        rows = np.isin(found.track_ids, confirmed)
        true, keypoints = frame.keypoints, found.people.keypoints[rows]
        areas = np.prod(np.ptp(true, axis=1), axis=1)
        similarity, _ = oks(true, keypoints, np.repeat(areas[:, None], len(keypoints), axis=1), sigmas)
        result.append((frame.ids, found.track_ids[rows], similarity))
    return result
