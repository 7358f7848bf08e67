"""Another package, installed, adds a format, a runtime and trackers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MODULE = """
from skelstream.formats import Format
from skelstream.runtimes.runtime import RuntimeEntry
from skelstream.runtimes.torch import TorchRuntime

def write(sample, path, options):
    path.write_text(f"{len(sample.sequence)} people")

COUNT = Format("count", (".count",), "how many people there are", write)

class Loud(TorchRuntime):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = f"loud {self.name}"

LOUD = RuntimeEntry("loud", Loud, precisions=("float32",), devices=("cpu",))
TORCH = RuntimeEntry("torch", Loud, precisions=("float32",))

class InOrder:
    # Gives the people of each frame the ids 11, 12 and so on, from left to right.
    warning = None

    def __init__(self, settings, skeleton):
        self.joints = len(skeleton)

    def update(self, frame_index, time, people):
        import numpy as np
        from skelstream.tracking import TrackedPeople
        order = np.argsort(people.boxes[:, 0])
        ids = np.arange(11, 11 + len(order), dtype=np.int32)
        return TrackedPeople(frame_index, time, people.take(order), ids, np.ones(len(order), bool))

    def expected(self, time, searched=()):
        return None

    def lost(self, time):
        from skelstream.people import People
        return People.none(self.joints)

from skelstream.settings import TrackerSettings
from skelstream.tracking import TrackerEntry

IN_ORDER = TrackerEntry("in-order", "from left to right", make=InOrder)
PATIENT = TrackerEntry("patient", "a preset", TrackerSettings(max_lost=9.0))
"""
POINTS = """
[skelstream.formats]
count = counting:COUNT
broken = no_such_module:FORMAT
[skelstream.runtimes]
loud = counting:LOUD
other = counting:COUNT
taken = counting:TORCH
[skelstream.trackers]
in-order = counting:IN_ORDER
patient = counting:PATIENT
"""
PROGRAM = """
import logging, sys
logging.basicConfig(format="%(message)s", stream=sys.stdout)
from skelstream.formats import save
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.runtimes.registry import choose_runtime
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18

save(SequenceBuilder(OPENPOSE18, source="a.mp4", height=1, width=1).finish(), sys.argv[1])
network = PafNetwork(PafConfig(width=8, layers=1))
print(choose_runtime(network, runtime="loud").name)
print(choose_runtime(network, "cpu", precision="float16").name)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installed package: its module and a metadata folder with its entry points."""
    (tmp_path / "counting.py").write_text(MODULE)
    metadata = tmp_path / "counting-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    return tmp_path


def test_formats_and_runtimes_of_another_package(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "a.count")],
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "a.count").read_text() == "0 people"
    warnings, (named, chosen) = done.stdout.splitlines()[:-2], done.stdout.splitlines()[-2:]
    assert (named, chosen) == ("loud torch, cpu, float32", "torch, cpu, float16")  # auto takes no plug-in
    assert {line.split(" is left out: ")[0] for line in warnings} == {
        "no_such_module:FORMAT",
        "counting:COUNT",
        "counting:TORCH",
    }


@pytest.fixture
def command(folder: Path):
    """Return a function that runs ``skelstream`` where the package is installed."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "skelstream", *map(str, arguments)],
            env={"PYTHONPATH": str(folder), "PATH": "", "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )

    return run


def test_trackers_of_another_package(command, tmp_path: Path) -> None:
    from skelstream.formats import load, save

    from .drawing.conftest import figure, walkers

    crossing = walkers(
        [i / 25 for i in range(20)], lambda i: {1: figure(50 + 10 * i, 40, 150), 2: figure(150, 40, 150)}
    )
    save(crossing, tmp_path / "crossing.npz")
    done = command("track", tmp_path / "crossing.npz", "-o", tmp_path / "out.npz", "--tracker", "in-order")
    assert done.returncode == 0, done.stderr
    tracks = {track.id: track for track in load(tmp_path / "out.npz")}
    assert set(tracks) == {11, 12} and tracks[11].keypoints[-1, 1, 0] == 150
    done = command("track", tmp_path / "crossing.npz", "-o", tmp_path / "patient.npz", "--tracker", "patient")
    assert done.returncode == 0, done.stderr
    recorded = load(tmp_path / "patient.npz").meta["settings"]["tracking"]
    assert (recorded["tracker"], recorded["max_lost"]) == ("patient", 9.0)


def test_help_and_errors_list_the_trackers_of_other_packages(command, tmp_path: Path) -> None:
    for name in ("track", "extract"):
        shown = " ".join(command(name, "--help").stdout.replace("│", " ").split())
        assert "Installed besides: in-order, patient." in shown
    done = command("extract", "a.mp4", "-o", tmp_path / "a.npz", "--tracker", "magic")
    assert done.returncode == 2
    assert "choose from skelstream, bytetrack, botsort, sort, in-order, patient" in done.stderr
