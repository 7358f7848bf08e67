"""Trains small action recognisers on skeletons from skelstream, in 2D and in 3D, then names what people do in a stream.

    python samples/recognise.py              on the clips that fetch_clips.py fetches
    python samples/recognise.py FOLDER       on the videos or files of skeletons that FOLDER/actions.csv names
    python samples/recognise.py --stream 0   and then on camera 0

actions.csv has the columns clip, part (train or test), action, start, end (seconds) and path: where the person is,
as time:x:y in pixels with straight lines in between; without a path the row is about everybody. Skeletons are kept
in FOLDER/skeletons, so that a second run only trains.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fetch_clips import CLIPS, FetchError, fetch
from torch import nn

import skelstream
from skelstream import OPENPOSE18, EstimatorSettings, PoseEstimator, SkeletonSequence, SkelstreamError, Window
from skelstream.processing import centred_on_torso, scaled_by_torso
from skelstream.processing.lifting.lifter import Lifter
from skelstream.settings.models import DETECTOR
from skelstream.skeleton import COCO17, H36M17, convert

LENGTH, STRIDE, PERSONS = 16, 2, 4
RATE = 30  # frames a second, to which faster videos are thinned; files of skeletons should have that rate


def people(windows: Iterable[Window]) -> Iterator[tuple[np.ndarray, int, float, float]]:
    """Who is well seen in each window: clip float32 (T, V, 3) in pixels, track id, start and end."""
    for clips, tracks, start, end in windows:
        for clip, track in zip(clips, tracks.tolist(), strict=True):
            seen = clip[..., 2] > 0
            if seen.any(1).mean() >= 0.75 and seen.mean() >= 0.4:
                yield clip, track, start, end


class Action(NamedTuple):
    """Who does one thing in a clip from ``start`` to ``end`` seconds; ``path`` is (K, 3): time, x, y."""

    clip: Path
    part: str
    name: str
    start: float
    end: float
    path: np.ndarray

    def done_by(self, clip: np.ndarray, start: float, end: float) -> bool:
        inside = self.start <= start <= end <= self.end
        if not inside or not len(self.path):
            return inside
        seen = clip[clip[..., 2] > 0][:, :2]
        where = [np.interp((start + end) / 2, self.path[:, 0], axis) for axis in self.path.T[1:]]
        return bool(np.linalg.norm(seen.mean(0) - where) < np.ptp(seen[:, 1]) / 2)


def actions_in(folder: Path) -> list[Action]:
    """The rows of FOLDER/actions.csv."""
    table = folder / "actions.csv"
    try:
        rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
        spans = [(float(row["start"] or 0), float(row["end"] or "inf")) for row in rows]
        paths = [np.array([p.split(":") for p in (row["path"] or "").split()], float) for row in rows]
        return [
            Action(folder / row["clip"], row["part"], row["action"], *span, path)
            for row, span, path in zip(rows, spans, paths, strict=True)
        ]
    except (OSError, KeyError, ValueError) as error:
        raise SkelstreamError(f"{table}: not a table of actions ({error!r})") from None


def thinning(source: str | Path) -> int:
    with skelstream.open_source(source) as opened:
        return max(1, round((opened.info.fps or RATE) / RATE))


def skeletons(clip: Path, estimator: PoseEstimator, cache: Path) -> SkeletonSequence:
    """The skeletons of a video or of a file of skeletons."""
    if clip.suffix == ".npz":
        return skelstream.load(clip)
    kept = cache / f"{clip.name}.npz"
    meta = skelstream.load(kept).meta if kept.exists() else {}
    if (meta.get("source"), meta.get("weights_sha256")) != (str(clip), estimator.provenance.weights_sha256):
        print(f"extracting {clip}", flush=True)
        cache.mkdir(exist_ok=True)
        skelstream.extract(clip, kept, estimator, overwrite=True, every=thinning(clip))
    return skelstream.load(kept)


class Recogniser(nn.Module):
    """A temporal convolution network: clips (N, T, V, 3) in pixels to the logits (N, A) of its actions."""

    features = 2 * len(OPENPOSE18)

    def __init__(self, actions: list[str], width: int = 64):
        super().__init__()
        self.actions = actions
        self.layers = nn.Sequential(
            nn.Conv1d(self.features, width, 3, padding=1), nn.ReLU(), nn.Dropout(0.3),
            nn.Conv1d(width, width, 3, padding=1), nn.ReLU(), nn.Dropout(0.3),
            nn.Conv1d(width, width, 3, padding=2, dilation=2), nn.ReLU(),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(width, len(actions)),
        )  # fmt: skip

    def forward(self, clips: np.ndarray) -> torch.Tensor:
        return self.layers(self.inputs(clips).flatten(2).transpose(1, 2))

    def inputs(self, clips: np.ndarray) -> torch.Tensor:
        # Positions alone: scores would tell more about the camera than about what people do.
        x = torch.from_numpy(scaled_by_torso(centred_on_torso(clips, OPENPOSE18), OPENPOSE18)[..., :2])
        return varied(x) if self.training else x


class SpaceRecogniser(Recogniser):
    """The same of clips (N, T, 17, 3) in metres from the mid-hip, each turned so that the hips lie across the view."""

    features = 3 * len(H36M17)

    def inputs(self, clips: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(clips)
        hips = (x[:, :, H36M17.index("left_hip")] - x[:, :, H36M17.index("right_hip")]).mean(1)
        angle = torch.atan2(hips[:, 2], hips[:, 0])
        if not self.training:
            return about_vertical(x, angle)
        x = about_vertical(x, angle + (torch.rand(len(x)) - 0.5))
        mirrored = x[:, :, list(H36M17.flip_order)] * torch.tensor([-1.0, 1.0, 1.0])
        return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, mirrored, x)


def about_vertical(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Clips (N, T, V, 3) turned about the axis down, each by its angle."""
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    across, down, away = x.unbind(-1)
    return torch.stack([across * cos + away * sin, down, away * cos - across * sin], -1)


def in_space(clips: np.ndarray, times: np.ndarray, lifter: Lifter) -> np.ndarray:
    """Clips (N, T, V, 3) in pixels lifted, float32 (N, T, 17, 3); ``times`` is (N, 2): their starts and ends."""
    places = np.where(clips[..., 2:] > 0, clips[..., :2], np.nan)
    coco = convert(places, clips[..., 2], OPENPOSE18, COCO17)[0]
    pairs = zip(times, coco, strict=True)
    return np.stack([lifter.lift_track(np.linspace(*span, clips.shape[1]), clip, None) for span, clip in pairs])


def varied(x: torch.Tensor) -> torch.Tensor:
    """Turned, mirrored, with joints missing: what a camera and a network may do to the same motion."""
    angle = (torch.rand(len(x)) - 0.5) / 2
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    x = torch.einsum("nij,ntvj->ntvi", turn, x)
    mirrored = x[:, :, list(OPENPOSE18.flip_order)] * torch.tensor([-1.0, 1.0])
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, mirrored, x)
    return x * (torch.rand(len(x), 1, x.shape[2], 1) > 0.15)


def train(
    clips: np.ndarray, labels: list[str], steps: int = 400, kind: type[Recogniser] = Recogniser
) -> Recogniser:
    """A recogniser, ready to use, to which every action counts the same however often it occurs."""
    torch.manual_seed(0)
    model = kind(sorted(set(labels)))
    y = torch.tensor([model.actions.index(label) for label in labels])
    loss = nn.CrossEntropyLoss(1 / torch.bincount(y), label_smoothing=0.1)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01)
    for _ in range(steps):
        chosen = torch.randint(len(y), (64,))
        optimiser.zero_grad()
        loss(model(clips[chosen]), y[chosen]).backward()
        optimiser.step()
    return model.eval().requires_grad_(False)


def report(model: Recogniser, taught: list[str], clips: np.ndarray, truth: list[str]) -> None:
    """Prints what held-out windows are named as, and how often that is right."""
    named = [model.actions[i] for i in model(clips).argmax(1)]
    pairs, counts = Counter(zip(truth, named, strict=True)), Counter(truth)
    print(f"{'action':<22}{'trained on':>12}{'held out':>12}   named as")
    for action in sorted(set(taught) | set(truth)):
        names = ", ".join(f"{name} {n}" for (t, name), n in pairs.most_common() if t == action)
        print(f"{action:<22}{taught.count(action):>12}{counts[action]:>12}   {names}")
    right, mean = sum(pairs[a, a] for a in counts), np.mean([pairs[a, a] / n for a, n in counts.items()])
    always, most = counts.most_common(1)[0]
    print(f"{right / len(truth):.0%} right, mean over actions {mean:.0%};", end=" ")
    print(f"always '{always}' would be {most / len(truth):.0%}, mean {1 / len(counts):.0%}\n", flush=True)


def run(folder: Path, stream: str | None, weights: str | None) -> None:
    settings = EstimatorSettings().with_options(weights=weights or DETECTOR)
    actions, estimator = actions_in(folder), PoseEstimator(settings)
    examples = []
    for clip in dict.fromkeys(action.clip for action in actions):
        sequence = skeletons(clip, estimator, folder / "skeletons")
        shown = [action for action in actions if action.clip == clip]
        for person, _, *span in people(sequence.windows(LENGTH, STRIDE, PERSONS)):
            examples += [(a.part, person, a.name, span) for a in shown if a.done_by(person, *span)]
    if {part for part, *_ in examples} != {"train", "test"}:
        raise SkelstreamError(f"{folder}: somebody must be seen for {LENGTH} frames in 'train' and in 'test'")
    parts = ([example[1:] for example in examples if example[0] == part] for part in ("train", "test"))
    (clips, names, times), (held_out, truth, held_times) = (zip(*part, strict=True) for part in parts)
    clips, held_out = np.stack(clips), np.stack(held_out)
    model = train(clips, names)
    print("\nby joints in the image:")
    report(model, names, held_out, truth)
    print("by the same lifted to 3D:")
    lifter = Lifter()
    in_3d = train(in_space(clips, np.array(times), lifter), names, kind=SpaceRecogniser)
    report(in_3d, names, in_space(held_out, np.array(held_times), lifter), truth)
    source = stream or str(actions[0].clip)
    if Path(source).suffix == ".npz":
        return
    windows = skelstream.windows(source, LENGTH, LENGTH // 2, PERSONS, estimator, every=thinning(source))
    for person, track, start, end in people(windows):
        chances = model(person[None]).softmax(1)[0]
        named = f"{model.actions[chances.argmax()]:<20}{chances.max():4.0%}"
        shown = (a for a in actions if str(a.clip) == source and a.done_by(person, start, end))
        known = [f"({action.name}, {action.part})" for action in shown]
        print(f"{start:5.2f} to {end:.2f} s  person {track:<3}", named, *known, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Train a small action recogniser on skeletons.")
    parser.add_argument("folder", nargs="?", type=Path, help="has actions.csv; default: that of the samples")
    parser.add_argument("--stream", help="video, URL or camera to name actions in; default: the first clip")
    parser.add_argument("--weights", help="name of a packaged model, or a weights file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so small a network is fast enough, and learns the same on every machine
    try:
        if options.folder is None:
            options.folder = Path(__file__).parent
            fetch([clip for clip in CLIPS if clip.name != "pose2sim_multi_cam01.mp4"])
        run(**vars(options))
    except (FetchError, SkelstreamError) as error:
        print(f"recognise: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
