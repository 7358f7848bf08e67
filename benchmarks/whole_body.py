"""skelstream with hands and face beside MediaPipe Holistic, in one run on the same clips.

    python benchmarks/whole_body.py CLIP... --holistic PYTHON [--turns N]

PYTHON is the interpreter of an environment with MediaPipe, see ``holistic.py``. Both decode and analyse each clip in turns; each
figure of speed is of the best turn, networks loaded. Holistic sees one person; the first track is compared with it, and the
others are counted.

For the cost of a second person, each clip is also shown twice side by side, and once beside a blank image of its size. Run it
on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.extraction import run
from skelstream.extraction.settings import ExtractionSettings
from skelstream.sequences import SkeletonSequence
from skelstream.video import open_source
from skelstream.video.writing import VideoWriter

PARTS = ("left_hand", "right_hand", "face")
SETTINGS = ExtractionSettings().with_options(hands=True, face=True)


@dataclass(frozen=True)
class Comparison:
    """One part of the first track beside Holistic's.

    Attributes:
        frames: number of frames.
        ours, theirs, both: frames in which it was found.
        within: share of joints within a fifth of the part's size of Holistic's, where both found it.
        difference: median distance of the joints in sizes of the part.
        exchanged: frames in which the other side's hand is the one that Holistic has here.
    """

    frames: int
    ours: int
    theirs: int
    both: int
    within: float
    difference: float
    exchanged: int


def compared(sequence: SkeletonSequence, theirs: dict[str, np.ndarray]) -> dict[str, Comparison]:
    """Return the comparison of each part."""
    joints = sequence.skeleton.parts
    dense = sequence.dense(1)[0]
    found: dict[str, Comparison] = {}
    for part in PARTS:
        ours, other = (dense[:, list(joints[name])] for name in (part, _other(part)))
        ours, other = (np.where(places[..., 2:] > 0, places[..., :2], np.nan) for places in (ours, other))
        reference = theirs[part][: len(ours)]
        size = np.ptp(reference, axis=1).max(1)
        away, of_other = (
            np.linalg.norm(places - reference, axis=2) / size[:, None] for places in (ours, other)
        )
        here, there = (np.isfinite(places[..., 0]).any(1) for places in (ours, reference))
        measured = away[np.isfinite(away)]
        with np.errstate(invalid="ignore"):
            swapped = (np.nan_to_num(of_other, nan=9).mean(1) < 0.3) & ~(
                np.nan_to_num(away, nan=9).mean(1) < 0.3
            )
        found[part] = Comparison(
            len(ours), int(here.sum()), int(there.sum()), int((here & there).sum()),
            float((measured < 0.2).mean()) if len(measured) else float("nan"),
            float(np.median(measured)) if len(measured) else float("nan"),
            int((swapped & there).sum()) if part != "face" else 0,
        )  # fmt: skip
    return found


def _other(part: str) -> str:
    return {"left_hand": "right_hand", "right_hand": "left_hand"}.get(part, part)


def extracted(clip: Path, estimator: PoseEstimator) -> tuple[SkeletonSequence, float]:
    """Return the skeletons of a clip, and seconds."""
    began = time.perf_counter()
    sequence = run(clip, SETTINGS, estimator=estimator).sequence
    return sequence, time.perf_counter() - began


def holistic(clip: Path, python: str, folder: Path) -> dict[str, np.ndarray]:
    """Return what Holistic finds in a clip."""
    out = folder / "holistic.npz"
    script = Path(__file__).with_name("holistic.py")
    subprocess.run([python, str(script), str(clip), str(out)], check=True, capture_output=True)
    with np.load(out) as arrays:
        return dict(arrays)


def beside(clip: Path, out: Path, twice: bool) -> Path:
    """Write a clip beside itself, or beside a blank image, and return its path."""
    with open_source(clip) as source:
        info = source.info
        with VideoWriter(out, info.height, 2 * info.width, fps=30, quality=18) as writer:
            for number, frame in enumerate(source):
                if frame.image is not None:
                    other = frame.image if twice else np.full_like(frame.image, 128)
                    writer.write(np.concatenate([frame.image, other], 1), number / 30)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--holistic", required=True, metavar="PYTHON")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    estimator, console = PoseEstimator(SETTINGS.estimator), Console(width=110)
    parts = Table(
        "clip", "part", "frames", "ours", "Holistic", "both", "within 1/5", "difference", "exchanged"
    )
    speed = Table("clip", "frames/s", "Holistic", "ratio", "tracks", "hands of others", "second person costs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip in options.clips:
            ours, theirs = list[float](), list[float]()
            sequence, found = extracted(clip, estimator)[0], dict[str, np.ndarray]()
            for _ in range(options.turns):
                ours.append(extracted(clip, estimator)[1])
                found = holistic(clip, options.holistic, folder)
                theirs.append(float(found["seconds"]))
            for part, one in compared(sequence, found).items():
                parts.add_row(
                    clip.name, part, str(one.frames), str(one.ours), str(one.theirs), str(one.both),
                    f"{100 * one.within:.0f}%", f"{100 * one.difference:.1f}%", str(one.exchanged),
                )  # fmt: skip
            pairs = [beside(clip, folder / f"{twice}.mp4", twice) for twice in (False, True)]
            alone, both = (min(extracted(pair, estimator)[1] for _ in range(options.turns)) for pair in pairs)
            frames = sequence.frames
            speed.add_row(
                clip.name, f"{frames / min(ours):.1f}", f"{frames / min(theirs):.1f}",
                f"{min(theirs) / min(ours):.2f}", str(len(sequence.track_ids)), str(_hands_of_others(sequence)),
                f"{(both - alone) / alone:.0%}",
            )  # fmt: skip
    console.print(f"{estimator.name}; best of {options.turns} turns")
    console.print(parts)
    console.print(speed)
    return 0


def _hands_of_others(sequence: SkeletonSequence) -> int:
    """Return the number of hands of all tracks but the first."""
    first = int(sequence.track_start[1]) if len(sequence.track_ids) else 0
    joints = sequence.skeleton.parts
    return sum(
        int(np.any(sequence.scores[first:, list(joints[part])] > 0, axis=1).sum()) for part in PARTS[:2]
    )


if __name__ == "__main__":
    sys.exit(main())
