"""Tests that commands without networks and images do not import torch and OpenCV, which takes seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from skelstream.formats import save
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

pytestmark = pytest.mark.slow

HEAVY = {"torch", "cv2", "av", "openvino", "onnx"}

PROGRAM = """
import sys
from skelstream.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(*arguments: object) -> set[str]:
    """Return the top-level modules that a command has imported."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture
def skeletons(tmp_path):
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=240, width=320)
    builder.add(TrackedPeople.failed(0, 0.0, 18))
    save(builder.finish(), tmp_path / "a.npz")
    return tmp_path / "a.npz"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["extract", "--help"], ["train", "--help"]])
def test_help_imports_no_numpy(arguments):
    assert not imported(*arguments) & (HEAVY | {"numpy", "scipy"})


def test_skeleton_files_are_read_without_torch(skeletons, tmp_path):
    assert "numpy" in imported("info", skeletons)
    assert not imported("info", skeletons) & HEAVY
    assert not imported("convert", skeletons, "-o", tmp_path / "a.csv") & HEAVY


def test_skeleton_files_are_read_without_scipy(skeletons, tmp_path):
    assert "scipy" not in imported("convert", skeletons, "-o", tmp_path / "a.jsonl")


def test_cards_are_read_without_torch():
    assert not imported("models", "list") & HEAVY


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_the_command_line_without_its_libraries_is_one_line(missing):
    program = f"import sys, runpy; sys.modules[{missing!r}] = None; runpy.run_module('skelstream', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"skelstream: the command line needs {missing}: pip install typer rich\n"
