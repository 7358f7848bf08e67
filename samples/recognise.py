"""Training of small action recognisers on 2D and 3D skeletons, and recognition of actions in a stream.

    python samples/recognise.py              with the clips of fetch_clips.py
    python samples/recognise.py FOLDER       with the videos or skeleton files in FOLDER/actions.csv
    python samples/recognise.py --stream 0   then recognise on camera 0

actions.csv has the columns clip, part (train or test), action, start, end (seconds) and path: the person's
positions as time:x:y in pixels, with straight lines between; a row without a path applies to all people.
Skeletons are kept in FOLDER/skeletons, so that a second run only trains.
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
from fetch_clips import CLIPS, fetch
from torch import nn

import skelstream
from skelstream import OPENPOSE18, EstimatorSettings, PoseEstimator, SkeletonSequence, SkelstreamError, Window
from skelstream.processing import centred_on_torso, scaled_by_torso
from skelstream.processing.lifting.lifter import Lifter
from skelstream.settings.models import DETECTOR
from skelstream.skeleton import COCO17, H36M17, convert

LENGTH, STRIDE, PERSONS = 16, 2, 4
RATE = 30  # frames per second; faster videos are thinned to it, and skeleton files should have it


def people(windows: Iterable[Window]) -> Iterator[tuple[np.ndarray, int, float, float]]:
    """Yield clearly visible people: clip float32 (T, V, 3) in pixels, track id, start and end."""
    for clips, tracks, start, end in windows:
        for clip, track in zip(clips, tracks.tolist(), strict=True):
            seen = clip[..., 2] > 0
            if seen.any(1).mean() >= 0.75 and seen.mean() >= 0.4:
                yield clip, track, start, end


class Action(NamedTuple):
    """One person's action in a clip from ``start`` to ``end`` seconds; ``path`` is (K, 3): time, x, y."""

    clip: Path
    part: str
    name: str
    start: float
    end: float
    path: np.ndarray

    def done_by(self, clip: np.ndarray, start: float, end: float) -> bool:
        """Return whether the person in a window does this action."""
        inside = self.start <= start <= end <= self.end
        if not inside or not len(self.path):
            return inside
        seen = clip[clip[..., 2] > 0][:, :2]
        where = [np.interp((start + end) / 2, self.path[:, 0], axis) for axis in self.path.T[1:]]
        return bool(np.linalg.norm(seen.mean(0) - where) < np.ptp(seen[:, 1]) / 2)


def actions_in(folder: Path) -> list[Action]:
    """Return the rows of FOLDER/actions.csv."""
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
    """Return the ``every`` for which a source has about ``RATE`` frames per second."""
    with skelstream.open_source(source) as opened:
        return max(1, round((opened.info.fps or RATE) / RATE))


def skeletons(clip: Path, estimator: PoseEstimator, cache: Path) -> SkeletonSequence:
    """Return the skeletons of a video or a skeleton file."""
    if clip.suffix == ".npz":
        return skelstream.load(clip)
    path = cache / f"{clip.name}.npz"
    meta = skelstream.load(path).meta if path.exists() else {}
    if (meta.get("source"), meta.get("weights_sha256")) != (str(clip), estimator.provenance.weights_sha256):
        print(f"extracting {clip}", flush=True)
        cache.mkdir(exist_ok=True)
        skelstream.extract(clip, path, estimator, overwrite=True, every=thinning(clip))
    return skelstream.load(path)


class Recogniser(nn.Module):
    """A temporal convolution network from clips (N, T, V, 3) in pixels to logits (N, A) of actions."""

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
        # Positions only: scores depend on the camera more than on the action.
        x = torch.from_numpy(scaled_by_torso(centred_on_torso(clips, OPENPOSE18), OPENPOSE18)[..., :2])
        return augmented(x) if self.training else x


class SpaceRecogniser(Recogniser):
    """A recogniser for clips (N, T, 17, 3) in metres, rotated so that the hips are parallel to the image."""

    features = 3 * len(H36M17)

    def inputs(self, clips: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(clips)
        hips = (x[:, :, H36M17.index("left_hip")] - x[:, :, H36M17.index("right_hip")]).mean(1)
        angle = torch.atan2(hips[:, 2], hips[:, 0])
        if not self.training:
            return rotated(x, angle)
        x = rotated(x, angle + (torch.rand(len(x)) - 0.5))
        mirrored = x[:, :, list(H36M17.flip_order)] * torch.tensor([-1.0, 1.0, 1.0])
        return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, mirrored, x)


def rotated(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Return clips (N, T, V, 3) rotated about the vertical axis, each by its angle."""
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    across, down, away = x.unbind(-1)
    return torch.stack([across * cos + away * sin, down, away * cos - across * sin], -1)


def lifted(clips: np.ndarray, times: np.ndarray, lifter: Lifter) -> np.ndarray:
    """Return clips (N, T, V, 3) lifted to float32 (N, T, 17, 3); ``times`` (N, 2) are starts and ends."""
    positions = np.where(clips[..., 2:] > 0, clips[..., :2], np.nan)
    coco = convert(positions, clips[..., 2], OPENPOSE18, COCO17)[0]
    pairs = zip(times, coco, strict=True)
    return np.stack(
        [lifter.lift_track(np.linspace(*span, clips.shape[1]), clip, None) for span, clip in pairs]
    )


def augmented(x: torch.Tensor) -> torch.Tensor:
    """Return clips rotated, mirrored and with missing joints at random, as cameras and networks vary."""
    angle = (torch.rand(len(x)) - 0.5) / 2
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    x = torch.einsum("nij,ntvj->ntvi", rotation, x)
    mirrored = x[:, :, list(OPENPOSE18.flip_order)] * torch.tensor([-1.0, 1.0])
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, mirrored, x)
    return x * (torch.rand(len(x), 1, x.shape[2], 1) > 0.15)


def train(
    clips: np.ndarray, labels: list[str], steps: int = 400, kind: type[Recogniser] = Recogniser
) -> Recogniser:
    """Return a trained recogniser; all actions have equal weight, however frequent."""
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


def report(model: Recogniser, trained: list[str], clips: np.ndarray, truth: list[str]) -> None:
    """Print the recognised actions of held-out windows, and the accuracy."""
    recognised = [model.actions[i] for i in model(clips).argmax(1)]
    pairs, counts = Counter(zip(truth, recognised, strict=True)), Counter(truth)
    print(f"{'action':<22}{'trained on':>12}{'held out':>12}   recognised as")
    for action in sorted(set(trained) | set(truth)):
        names = ", ".join(f"{name} {n}" for (t, name), n in pairs.most_common() if t == action)
        print(f"{action:<22}{trained.count(action):>12}{counts[action]:>12}   {names}")
    correct, mean = sum(pairs[a, a] for a in counts), np.mean([pairs[a, a] / n for a, n in counts.items()])
    common, count = counts.most_common(1)[0]
    print(f"{correct / len(truth):.0%} correct, mean over actions {mean:.0%};", end=" ")
    print(f"always '{common}' would be {count / len(truth):.0%}, mean {1 / len(counts):.0%}\n", flush=True)


def run(folder: Path, stream: str | None, weights: str | None) -> None:
    """Train and evaluate both recognisers, and recognise actions in a stream."""
    settings = EstimatorSettings().with_options(weights=weights or DETECTOR)
    actions, estimator = actions_in(folder), PoseEstimator(settings)
    examples = []
    for clip in dict.fromkeys(action.clip for action in actions):
        sequence = skeletons(clip, estimator, folder / "skeletons")
        in_clip = [action for action in actions if action.clip == clip]
        for person, _, *span in people(sequence.windows(LENGTH, STRIDE, PERSONS)):
            examples += [(a.part, person, a.name, span) for a in in_clip if a.done_by(person, *span)]
    if {part for part, *_ in examples} != {"train", "test"}:
        raise SkelstreamError(
            f"{folder}: a person must be visible for {LENGTH} frames in 'train' and in 'test'"
        )
    parts = ([example[1:] for example in examples if example[0] == part] for part in ("train", "test"))
    (clips, names, times), (held_out, truth, held_times) = (zip(*part, strict=True) for part in parts)
    clips, held_out = np.stack(clips), np.stack(held_out)
    model = train(clips, names)
    print("\nwith 2D joints:")
    report(model, names, held_out, truth)
    print("with 3D joints:")
    lifter = Lifter()
    in_3d = train(lifted(clips, np.array(times), lifter), names, kind=SpaceRecogniser)
    report(in_3d, names, lifted(held_out, np.array(held_times), lifter), truth)
    source = stream or str(actions[0].clip)
    if Path(source).suffix == ".npz":
        return
    windows = skelstream.windows(source, LENGTH, LENGTH // 2, PERSONS, estimator, every=thinning(source))
    for person, track, start, end in people(windows):
        probabilities = model(person[None]).softmax(1)[0]
        recognised = f"{model.actions[probabilities.argmax()]:<20}{probabilities.max():4.0%}"
        true = (a for a in actions if str(a.clip) == source and a.done_by(person, start, end))
        known = [f"({action.name}, {action.part})" for action in true]
        print(f"{start:5.2f} to {end:.2f} s  person {track:<3}", recognised, *known, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Train a small action recogniser on skeletons.")
    parser.add_argument("folder", nargs="?", type=Path, help="folder with actions.csv; default: the samples")
    parser.add_argument(
        "--stream", help="video, URL or camera to recognise actions in; default: the first clip"
    )
    parser.add_argument("--weights", help="model's name, or weights file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # fast enough for a small network, and the same result on every machine
    try:
        if options.folder is None:
            options.folder = Path(__file__).parent
            fetch([clip for clip in CLIPS if clip.name != "pose2sim_multi_cam01.mp4"])
        run(**vars(options))
    except SkelstreamError as error:
        print(f"recognise: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
