"""Rauch-Tung-Striebel smoothing of whole tracks by their timestamps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.files.arguments import instance_argument
from skelstream.processing.part_sizes import cropped_parts, part_sizes
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.sequences.track import Track
from skelstream.skeleton import Skeleton

# Tracks per group: enough to amortise NumPy's call overhead, few enough to bound the memory.
_GROUP_SIZE = 32
# Least score in the variance of a keypoint, which is proportional to 1 / score.
_MIN_SCORE = 0.05


# Least standard deviation in pixels of the joints of hands and faces, so that a few points close together stay invertible.
_MIN_DEVIATION = 0.25


def smoothed(
    sequence: SkeletonSequence,
    noise: float = 0.02,
    acceleration_psd: float = 20.0,
    *,
    hand_noise: float = 0.01,
    face_noise: float = 0.02,
) -> SkeletonSequence:
    """Return the sequence with every joint of every track smoothed forwards and backwards by its timestamps.

    Each joint's x and y follow a constant-velocity model with white acceleration noise, whose transition and
    noise matrices come from the time between the rows (Bar-Shalom, Li, Kirubarajan, "Estimation with
    Applications to Tracking and Navigation", section 6.2.2); the smoother is Rauch, Tung, Striebel, 1965.
    Joints are independent, so all of them run in one vectorised 2-state filter. Missing joints stay missing;
    ``raw`` keeps the measured values. The defaults predict held-out observations of real clips of walking and
    acrobatics well. Hands and faces are measured on crops of their own, whose errors are far smaller than those of the
    body, so their noise is a fraction of their own size, the larger side of their extent.

    Args:
        sequence: the tracks.
        noise: standard deviation of a keypoint of the body with score 1, as a fraction of the person's height.
        acceleration_psd: spectral density of the acceleration noise in heights^2 / second^3; larger smooths
            less.
        hand_noise: standard deviation of a hand's keypoint with score 1, as a fraction of the hand's size.
        face_noise: standard deviation of a face's keypoint with score 1, as a fraction of the face's size.

    Raises:
        SettingsError: the sequence is something else.
    """
    instance_argument(sequence, SkeletonSequence, "sequence")
    if not len(sequence):
        return sequence
    skeleton = sequence.skeleton
    of_parts = {"hand": hand_noise, "face": face_noise}
    tracks = sequence.tracks
    out = [track.keypoints for track in tracks]
    by_length = sorted(range(len(tracks)), key=lambda m: -len(tracks[m]))
    for first in range(0, len(tracks), _GROUP_SIZE):
        group = by_length[first : first + _GROUP_SIZE]
        members = [tracks[m] for m in group]
        deviations = [_deviations(track, skeleton, noise, of_parts) for track in members]
        for m, smooth in zip(group, _smooth_group(members, deviations, acceleration_psd), strict=True):
            out[m] = smooth
    used = {f"{kind}_noise": of_parts[kind] for kind, _ in cropped_parts(skeleton)}
    meta = {**sequence.meta, "smoothed": {"noise": noise, "acceleration_psd": acceleration_psd, **used}}
    measured = replace(sequence.measured, meta=meta)
    return replace(sequence, keypoints=np.concatenate(out), raw=measured, lifted=None, meta=meta)


def _height(track: Track) -> float:
    """Return the median height of the person's boxes in pixels, at least 1."""
    return max(float(np.median(track.boxes[:, 3] - track.boxes[:, 1])), 1.0)


def _deviations(track: Track, skeleton: Skeleton, noise: float, of_parts: dict[str, float]) -> np.ndarray:
    """Return the standard deviation of each joint with score 1 in pixels, float64 (V,)."""
    deviations = np.full(len(skeleton), noise * _height(track))
    for kind, joints in cropped_parts(skeleton):
        sizes = part_sizes(track.keypoints[:, joints])
        if np.isfinite(sizes).any():
            deviations[joints] = max(of_parts[kind] * float(np.nanmedian(sizes)), _MIN_DEVIATION)
    return deviations


def _smooth_group(
    tracks: list[Track], deviations: list[np.ndarray], acceleration_psd: float
) -> list[np.ndarray]:
    """Return smoothed keypoints of G tracks, longest first, padded to K rows.

    Args:
        tracks: the tracks.
        deviations: standard deviations of each track's joints with score 1 in pixels, float64 (V,).
        acceleration_psd: spectral density as for ``smoothed``.
    """
    length, group, joints = len(tracks[0]), len(tracks), tracks[0].scores.shape[1]
    z = np.full((length, group, joints, 2), np.nan)
    r = np.full((length, group, joints), np.inf)
    dt = np.zeros((length, group, 1))
    scale = np.array([[_height(track)] for track in tracks])
    for g, track in enumerate(tracks):
        n = len(track)
        z[:n, g] = track.keypoints
        r[:n, g] = deviations[g] ** 2 / np.maximum(track.scores, _MIN_SCORE)
        dt[1:n, g, 0] = np.diff(track.times)
    seen = np.isfinite(z[..., 0])
    smooth = _rts(
        np.where(seen[..., None], z, 0.0), np.where(seen, r, np.inf), dt, acceleration_psd * scale**2, scale
    )
    smooth[~seen] = np.nan
    return [smooth[: len(track), g].astype(np.float32) for g, track in enumerate(tracks)]


def _rts(z: np.ndarray, r: np.ndarray, dt: np.ndarray, q: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return smoothed positions, float64 (K, G, V, 2).

    State: position p and velocity v; covariance [[a, b], [b, c]], shared by x and y.

    Args:
        z: float64 (K, G, V, 2), measurements, 0 where missing.
        r: float64 (K, G, V), variances of the measurements, inf where missing.
        dt: float64 (K, G, 1), seconds since the previous row.
        q: float64 (G, 1), spectral density of the acceleration.
        scale: float64 (G, 1), height of the person in pixels.
    """
    length = len(z)
    p, v = np.zeros_like(z), np.zeros_like(z)
    a, b, c = np.zeros_like(r), np.zeros_like(r), np.zeros_like(r)
    # Before its first observation a joint can be anywhere; its velocity is at most a few heights per second.
    position_variance, velocity_variance = (1e3 * scale) ** 2, (3 * scale) ** 2
    pa, pb, pc = (
        np.broadcast_to(position_variance, r[0].shape),
        np.zeros_like(r[0]),
        np.broadcast_to(velocity_variance, r[0].shape),
    )
    pp, pv = np.zeros_like(z[0]), np.zeros_like(z[0])
    for k in range(length):
        if k:
            pp, pv, pa, pb, pc = _predict(p[k - 1], v[k - 1], a[k - 1], b[k - 1], c[k - 1], dt[k], q)
        gain_p, gain_v = pa / (pa + r[k]), pb / (pa + r[k])
        residual = z[k] - pp
        p[k], v[k] = pp + gain_p[..., None] * residual, pv + gain_v[..., None] * residual
        a[k], b[k], c[k] = (1 - gain_p) * pa, (1 - gain_p) * pb, pc - gain_v * pb
    for k in range(length - 2, -1, -1):
        interval = dt[k + 1]
        pp, pv, pa, pb, pc = _predict(p[k], v[k], a[k], b[k], c[k], interval, q)
        # Smoother gain P F' inv(P_predicted), a 2x2 matrix for each joint.
        det = pa * pc - pb * pb
        up, uv = a[k] + b[k] * interval, b[k] + c[k] * interval
        g00, g01 = (up * pc - b[k] * pb) / det, (b[k] * pa - up * pb) / det
        g10, g11 = (uv * pc - c[k] * pb) / det, (c[k] * pa - uv * pb) / det
        dp, dv = p[k + 1] - pp, v[k + 1] - pv
        p[k] += g00[..., None] * dp + g01[..., None] * dv
        v[k] += g10[..., None] * dp + g11[..., None] * dv
    return p


def _predict(
    p: np.ndarray, v: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray, dt: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return state and covariance after ``dt`` seconds; at least 1e-4 keeps the covariance invertible."""
    h = np.maximum(dt, 1e-4)
    return (
        p + v * h[..., None],
        v,
        a + 2 * h * b + h * h * c + q * h**3 / 3,
        b + h * c + q * h**2 / 2,
        c + q * h,
    )
