"""Another package, installed, adds a format and a runtime."""

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
"""
POINTS = """
[skelstream.formats]
count = counting:COUNT
broken = no_such_module:FORMAT
[skelstream.runtimes]
loud = counting:LOUD
other = counting:COUNT
taken = counting:TORCH
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
