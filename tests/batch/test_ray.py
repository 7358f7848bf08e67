"""Tests of the Ray engine in a separate process, because Ray leaves threads and sockets open."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


def batch(*arguments, **options):
    command = [sys.executable, "-m", "skelstream", "batch", "run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, **options)


def test_a_batch_runs_on_a_new_ray_cluster(class_folders, tmp_path):
    fast = ("--size", 64, "--refine", 0, "--runtime", "torch", "-o", tmp_path / "out")
    done = batch(class_folders, *fast, "--engine", "ray", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert "3 extracted" in done.stderr and "1 actors" in done.stderr and "Ray" in done.stderr
    again = batch(class_folders, *fast, "--workers", 1)
    assert "0 extracted, 3 done before" in again.stderr
