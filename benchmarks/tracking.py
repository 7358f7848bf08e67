"""Tracking: accuracy on MOTChallenge clips and on synthetic scenes, an ablation, and speed.

    python benchmarks/tracking.py                                  synthetic scenes and speed only
    python benchmarks/tracking.py --clips path/to/folder           whose folders have gt.txt and det.txt
    python benchmarks/tracking.py --clips path/to/folder --videos  also our own people from their .mp4

Every table is preceded by its protocol.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from street_scenes import SceneFrame, SceneSettings, scene, scene_similarities

from skelstream.evaluation.tracking import (
    LabelledBoxes,
    TrackingScores,
    boxes_as_people,
    confirmed_tracks,
    read_mot,
    score_similarities,
    score_tracks,
    widened,
)
from skelstream.people import People
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import OPENPOSE18, Skeleton
from skelstream.tracking.kalman_tracker import KalmanTracker
from skelstream.tracking.registry import tracker_settings
from skelstream.tracking.tracked import TrackedPeople

RATE = 25.0
HELD_OUT_SEEDS = range(100, 110)
KEPT = (0.9, 0.7, 0.5, 0.3)
DRAWS = 6

Timed = Sequence[tuple[int, float, People]]


def variants() -> dict[str, tuple[TrackerSettings, bool]]:
    """Return the settings of each variant, and whether it gets the frames' real times."""
    ours = TrackerSettings()
    base = replace(ours, min_similarity_low=1.0, re_update=False, oks_weight=0.0)
    second = replace(base, min_similarity_low=ours.min_similarity_low)
    return {
        "SORT-style": (tracker_settings("sort"), False),
        "ByteTrack-style": (tracker_settings("bytetrack"), False),
        "base": (base, False),
        "+ second round": (second, False),
        "+ re-update": (replace(second, re_update=True), False),
        "+ OKS": (replace(second, re_update=True, oks_weight=ours.oks_weight), False),
        "+ real dt (ours)": (ours, True),
        "ours, no re-update": (replace(ours, re_update=False), True),
        "ours, IoU alone": (replace(ours, oks_weight=0.0), True),
    }


def track(
    frames: Timed, settings: TrackerSettings, real_times: bool, skeleton: Skeleton = OPENPOSE18
) -> list[TrackedPeople]:
    """Return tracked people; without real times all frame intervals are the mean one."""
    tracker = KalmanTracker(settings, skeleton)
    times = np.array([t for _, t, _ in frames])
    if not real_times:
        times = np.linspace(times[0], times[-1], len(times))
    return [tracker.update(f, float(t), people) for (f, _, people), t in zip(frames, times, strict=True)]


def score_clip(
    frames: Timed,
    truth: dict[int, LabelledBoxes],
    settings: TrackerSettings,
    real_times: bool,
    margin: float = 0,
) -> TrackingScores:
    """Return the scores over the frames that the tracker got."""
    found = confirmed_tracks(track(frames, settings, real_times))
    indices = {f for f, _, _ in frames}
    found = {f: replace(people, boxes=widened(people.boxes, margin)) for f, people in found.items()}
    return score_tracks({f: people for f, people in truth.items() if f in indices}, found)


def public_detections(folder: Path, frame_count: int) -> Timed:
    """Return the detections of a clip's det.txt; a logistic curve maps their confidences to scores."""
    found = read_mot(folder / "det.txt")
    no_people = LabelledBoxes(np.empty(0, int), np.empty((0, 4), np.float32), np.empty(0, np.float32))
    frames = []
    for index in range(frame_count):
        people = found.get(index, no_people)
        scores = 1 / (1 + np.exp(-(people.scores.astype(float) - 41) / 10))
        frames.append((index, index / RATE, boxes_as_people(people, len(OPENPOSE18), scores)))
    return frames


def own_people(video: Path, weights: str | None) -> Timed:
    """Return the people that the network detects in a video."""
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.settings import EstimatorSettings
    from skelstream.video import open_source

    estimator = PoseEstimator(EstimatorSettings().with_options(weights=weights, refine=0))
    with open_source(str(video)) as source:
        return [
            (
                f.index,
                f.time,
                estimator.people([f.image])[0] if f.ok else People.none(len(estimator.skeleton)),
            )
            for f in source
        ]


def dropped(frames: Timed, kept: float, seed: int) -> Timed:
    """Return a random share of the frames, so that frame intervals differ."""
    keep = np.random.default_rng(seed).random(len(frames)) < kept
    return [frame for frame, k in zip(frames, keep, strict=True) if k]


def backwards(frames: Timed, truth: dict[int, LabelledBoxes]) -> tuple[Timed, dict[int, LabelledBoxes]]:
    """Return frames and truth in reverse order."""
    last_frame, end, _ = frames[-1]
    reversed_frames = [(last_frame - index, end - time, people) for index, time, people in reversed(frames)]
    return reversed_frames, {last_frame - index: people for index, people in truth.items()}


def variations(
    frames: Timed, truth: dict[int, LabelledBoxes]
) -> list[tuple[Timed, dict[int, LabelledBoxes]]]:
    """Return the clip forwards and backwards, complete and with frames dropped at random.

    In a clip of a few seconds one early or late swap changes IDF1 by ten points, so that comparisons need
    many runs.
    """
    both = [(frames, truth), backwards(frames, truth)]
    return both + [
        (dropped(clip, kept, seed), boxes) for clip, boxes in both for kept in KEPT for seed in range(DRAWS)
    ]


def total(scores: Iterable[TrackingScores]) -> TrackingScores:
    """Return summed counts, MOTA from the sums, and means of the other shares."""
    rows = list(scores)

    def add(name: str) -> int:
        return sum(getattr(r, name) for r in rows)

    counts = ("switches", "fragmentations", "false_positives", "misses", "objects", "identities", "tracks",
              "mostly_tracked", "mostly_lost")  # fmt: skip
    sums = {name: add(name) for name in counts}
    errors = sums["misses"] + sums["false_positives"] + sums["switches"]
    means = {
        name: float(np.mean([getattr(r, name) for r in rows]))
        for name in ("hota", "deta", "assa", "idf1", "overlap")
    }
    return TrackingScores(mota=1 - errors / sums["objects"], **means, **sums)


def print_table(rows: dict[str, TrackingScores]) -> None:
    """Print scores as a Markdown table."""
    print("| | HOTA | MOTA | IDF1 | switches | fragments | false | missed | tracks / identities |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, r in rows.items():
        print(
            f"| {name} | {100 * r.hota:.1f} | {100 * r.mota:.1f} | {100 * r.idf1:.1f} | {r.switches} | {r.fragmentations} | "
            f"{r.false_positives} | {r.misses} | {r.tracks} / {r.identities} |"
        )
    print(flush=True)


def clip_tables(folder: Path, frames: Timed, kind: str, margin: float) -> None:
    """Print the tables of a clip: all frames, and many variations."""
    truth = read_mot(folder / "gt.txt")
    rows = variants()
    if not np.isfinite(np.concatenate([p.keypoints.ravel() for _, _, p in frames])).any():
        # Without joints, certainty is the box's score; 0.25 is the least one to start a track.
        rows = {
            name: (replace(settings, high_certainty=0.25), real_times)
            for name, (settings, real_times) in rows.items()
            if name not in ("+ OKS", "ours, IoU alone")
        }
    print(f"{folder.name}, {kind}: all {len(frames)} frames; MOTA and IDF1 in %, IoU >= 0.5\n")
    print_table({name: score_clip(frames, truth, *row, margin=margin) for name, row in rows.items()})
    runs = variations(frames, truth)
    shares = ", ".join(f"{kept:.0%}" for kept in KEPT)
    print(
        f"{folder.name}, {kind}: forwards and backwards, all frames and {shares} of them"
        f" in {DRAWS} draws each;"
        f" {len(runs)} runs in total\n"
    )
    print_table({n: total(score_clip(*run, *row, margin=margin) for run in runs) for n, row in rows.items()})


def scene_tables() -> None:
    """Print the tables of synthetic scenes."""
    kinds = {
        "every frame": SceneSettings(),
        "30 % of the frames, at random": SceneSettings(kept=0.3),
        "crowded": SceneSettings(walkers=14, seconds=6),
    }
    for kind, settings in kinds.items():
        print(
            f"Synthetic scenes, {kind}: {len(HELD_OUT_SEEDS)} scenes (seeds {HELD_OUT_SEEDS.start}-"
            f"{HELD_OUT_SEEDS.stop - 1}, not used for tuning), {settings.walkers} people, "
            f"{settings.seconds:g} s, {settings.fps:g} frames/s; OKS >= 0.5 with the true joints\n"
        )
        scenes = [scene(settings, seed) for seed in HELD_OUT_SEEDS]
        print_table({n: total(score_scene(s, *row) for s in scenes) for n, row in variants().items()})


def timed_people(frames: Sequence[SceneFrame]) -> Timed:
    """Return a scene's people with frame numbers and times."""
    return [(i, f.time, f.people) for i, f in enumerate(frames)]


def score_scene(frames: Sequence[SceneFrame], settings: TrackerSettings, real_times: bool) -> TrackingScores:
    """Return the scores of a tracker on a scene."""
    return score_similarities(
        scene_similarities(frames, track(timed_people(frames), settings, real_times)), 0.5
    )


def speed_table() -> None:
    """Print the tracker's time per frame by number of people."""
    print(
        f"Speed: KalmanTracker.update, processor time of one thread ({platform.machine()}),"
        " median of 5 passes\n"
    )
    print("| people per frame (mean) | ms per frame |\n|---|---|")
    for walkers in (1, 10, 30):
        wide = SceneSettings(walkers=walkers, seconds=6, width=max(960, 320 * walkers), missed_people=0.0)
        frames = timed_people(scene(wide, seed=1))
        seconds = []
        for _ in range(5):
            start = time.process_time()
            track(frames, TrackerSettings(), real_times=True)
            seconds.append(time.process_time() - start)
        people = np.mean([len(p) for _, _, p in frames])
        print(f"| {people:.1f} | {1000 * float(np.median(seconds)) / len(frames):.2f} |", flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, help="folder of MOTChallenge clips")
    parser.add_argument("--videos", action="store_true", help="also track people detected in the clips' .mp4")
    parser.add_argument("--weights", help="network for --videos; default: the packaged one")
    parser.add_argument(
        "--margin", type=float, default=0.1, help="growth of boxes around joints, for --videos"
    )
    parser.add_argument("--no-scenes", action="store_true", help="leave out synthetic scenes and speed")
    options = parser.parse_args()
    for folder in sorted(p for p in options.clips.iterdir() if p.is_dir()) if options.clips else []:
        count = max(read_mot(folder / "gt.txt")) + 1
        clip_tables(folder, public_detections(folder, count), "public detections (boxes only)", margin=0.0)
        if options.videos:
            kind = (
                f"our own people, boxes of joints grown by {options.margin:.0%} per side for the comparison"
            )
            for video in sorted(folder.glob("*.mp4")):
                clip_tables(folder, own_people(video, options.weights), kind, options.margin)
    if not options.no_scenes:
        scene_tables()
        speed_table()


if __name__ == "__main__":
    main()
