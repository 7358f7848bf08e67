"""Single files out of pinned wheels on PyPI: downloaded by pip, checked by their SHA-256."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import OutputError, SourceError
from skelstream.files.atomic import replacing

_FLAGS = "--no-input --disable-pip-version-check --no-deps --only-binary :all: --require-hashes --ignore-requires-python"


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI.

    Attributes:
        name: name of the package.
        version: its version.
        sha256: SHA-256 of the wheel, 64 hexadecimal digits.
        licence: licence of its content, an SPDX identifier.
        platform: platform tag of a wheel that was built for one platform; empty for a wheel for all platforms. Only files
            are taken out of the wheel, so it need not be this machine's platform.
        python: version of Python that such a wheel was built for, for instance ``3.11``.
    """

    name: str
    version: str
    sha256: str
    licence: str
    platform: str = ""
    python: str = ""


@dataclass(frozen=True)
class WheelFile:
    """A file in a wheel.

    Attributes:
        wheel: the wheel.
        member: path of the file in the wheel.
        sha256: SHA-256 of the file, 64 hexadecimal digits.
    """

    wheel: Wheel
    member: str
    sha256: str


def fetch_from_wheels(files: Mapping[Path, WheelFile], interactive: bool = False) -> list[Path]:
    """Download files that are not there yet, each wheel once; return the paths of the new files.

    A file appears under its name complete and checked, or not at all. An intact file is not downloaded again.

    Args:
        files: file in a wheel per path; missing folders are made.
        interactive: whether pip shows its progress on standard error.

    Raises:
        SourceError: a wheel cannot be downloaded, or is not the pinned one.
        OutputError: a file cannot be written.
    """
    missing = {path: file for path, file in files.items() if not is_intact(path, file.sha256)}
    for wheel in dict.fromkeys(file.wheel for file in missing.values()):
        with tempfile.TemporaryDirectory() as folder:
            archive = _download(wheel, Path(folder), interactive)
            for path, file in missing.items():
                if file.wheel == wheel:
                    _extract(file, archive, path)
    return list(missing)


def is_intact(path: Path, sha256: str) -> bool:
    """Return whether a file is there and has a SHA-256."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _download(wheel: Wheel, folder: Path, interactive: bool) -> Path:
    requirement = folder / "requirements.txt"
    requirement.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", *_FLAGS.split()]
    if wheel.platform:
        command += ["--platform", wheel.platform, "--python-version", wheel.python, "--implementation", "cp"]
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    # pip that is stopped leaves its temporary files behind, so they lie in our folder.
    environment = os.environ | {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    done = subprocess.run(
        command,
        stdout=sys.stderr if interactive else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = done.stderr.splitlines() or ["pip returned no file"]
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1]).strip()
        asked = "is pip installed, and PyPI reachable?"
        raise SourceError(f"{wheel.name} {wheel.version} cannot be downloaded; {asked} ({reason})")
    if not is_intact(wheels[0], wheel.sha256):
        raise SourceError(f"{wheels[0].name} is not the pinned file: its SHA-256 differs")
    return wheels[0]


def _extract(file: WheelFile, archive: Path, path: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as members:
            content = members.read(file.member)
    except (KeyError, zipfile.BadZipFile):
        raise SourceError(f"{archive.name} does not have {file.member}") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise SourceError(f"{file.member} in {archive.name} is not the pinned file: its SHA-256 differs")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    with replacing(path) as partial:
        partial.write_bytes(content)
