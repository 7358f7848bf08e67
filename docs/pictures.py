"""Makes the pictures of the documentation.

    python samples/fetch_clips.py --all
    python docs/pictures.py              writes docs/images/*.png; takes some minutes
    python docs/pictures.py signer.mp4   writes the picture of hands and faces alone, from any clip of a signer

Pictures of clips show skeletons alone. Pictures of people on frames show drawn people, which the real networks find.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

import skelstream
from skelstream.drawing.overlay import Overlay, OverlaySettings
from skelstream.drawing.sheet import contact_sheet, moment_label, sequence_sheet, write_png
from skelstream.drawing.skeletons import Style
from skelstream.video import VideoWriter

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
CLIPS = ROOT / "samples" / "clips"

WIDTH, HEIGHT, FPS, SECONDS = 960, 540, 25, 4.0
# Height in pixels, row of the feet, column at the start, speed in body heights per second, shirt, trousers.
WALKERS = (
    (215, 420, 560, -0.5, (190, 70, 60), (60, 60, 80)),
    (290, 465, 660, 0.2, (220, 180, 70), (80, 70, 60)),
    (380, 530, 130, 0.3, (70, 120, 190), (40, 40, 50)),
)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    if clips := sys.argv[1:]:
        sequence = skelstream.extract(clips[0], hands=True, face=True, max_people=1)
        style = Style(thickness=0.012, labels=False)
        settings = OverlaySettings(style, skeleton_only=True)
        write("signer", sequence_sheet(sequence, settings=settings, count=4, columns=4, width=1200))
        return
    with tempfile.TemporaryDirectory() as folder:
        street_video(Path(folder) / "street.mp4")
        street_pictures(Path(folder) / "street.mp4")
    for clip, name, options in (
        ("sports2d_demo", "backflip", {}),
        ("pose2sim_multi_cam01", "hidden", {"count": 5, "columns": 5, "width": 1200}),
        ("pose2sim_single_cam01", "balance", {"count": 6, "columns": 6, "width": 1200}),
    ):
        sequence = skelstream.extract(CLIPS / f"{clip}.mp4")
        write(name, sequence_sheet(sequence, settings=OverlaySettings(skeleton_only=True), **options))


def street_video(path: Path) -> None:
    """Write a video of drawn people who walk past each other."""
    drawn = mannequins()
    rng = np.random.default_rng(3)
    ground = backdrop(rng)
    with VideoWriter(path, HEIGHT, WIDTH, fps=FPS) as writer:
        for step in range(round(SECONDS * FPS)):
            time, image = step / FPS, ground.copy()
            for number, (tall, foot, start, speed, shirt, trousers) in enumerate(WALKERS):
                heading = 0.35 if speed > 0 else np.pi - 0.35
                phase = number + 2 * np.pi * 1.1 * abs(speed) * time * 1.4
                place = (start + speed * tall * time, foot)
                joints = drawn.figure(phase, heading) * tall + place
                drawn.Mannequin(image, joints, shirt, trousers).draw()
            noisy = np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
            writer.write(cv2.GaussianBlur(noisy, (3, 3), 0), time)


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """Return a street, uint8 RGB (HEIGHT, WIDTH, 3)."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = np.linspace((205, 215, 225), (225, 225, 215), HEIGHT)[:, None]
    left = 0
    while left < WIDTH:
        right, top = left + int(rng.integers(90, 190)), int(rng.integers(60, 190))
        cv2.rectangle(image, (left, top), (right, 400), rng.integers(140, 200, 3).tolist(), -1)
        left = right
    image[400:] = np.linspace((120, 120, 118), (150, 148, 142), HEIGHT - 400)[:, None]
    return image


def street_pictures(video: Path) -> None:
    """Draw the walkers' skeletons on their frames, with ids, and with trails."""
    sequence = skelstream.extract(video)
    write("people", tiles(sequence, video, (0.4, 3.0), OverlaySettings(Style(label_height=34)), 2))
    trails = OverlaySettings(Style(label_height=34), trails=2.0)
    write("trails", tiles(sequence, video, (3.2,), trails, 1))


def tiles(
    sequence: skelstream.SkeletonSequence,
    video: Path,
    times: tuple[float, ...],
    settings: OverlaySettings,
    columns: int,
) -> np.ndarray:
    """Return a sheet of the frames at some times, with their skeletons."""
    overlay, drawn = Overlay(sequence, settings), []
    rows = [int(np.argmin(abs(sequence.frame_time - time))) for time in times]
    with skelstream.open_source(video) as source:
        for row, frame in enumerate(source):
            if row in rows:
                label = moment_label(sequence.frame_time[row], int(overlay.people.counts[row]))
                drawn.append((label, overlay.draw(row, frame.image)))
    return contact_sheet(drawn, columns, 1000 if columns > 1 else 800)


def write(name: str, image: np.ndarray) -> None:
    """Write a picture and print its size."""
    path = IMAGES / f"{name}.png"
    write_png(path, image)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def mannequins() -> ModuleType:
    """Import the drawn people of the tests."""
    sys.path.append(str(ROOT / "benchmarks"))
    path = ROOT / "tests" / "accuracy" / "mannequins.py"
    spec = importlib.util.spec_from_file_location("mannequins", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
