"""Ray in a process of its own: it leaves threads and sockets behind that are its own affair."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


def batch(*arguments, **options):
    command = [sys.executable, "-m", "skelstream", "batch", "run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, **options)


def test_a_cluster_of_its_own(tree, tmp_path):
    fast = ("--size", 64, "--refine", 0, "--runtime", "torch", "-o", tmp_path / "out")
    done = batch(tree, *fast, "--engine", "ray", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert "3 extracted" in done.stderr and "1 actors" in done.stderr and "Ray" in done.stderr
    again = batch(tree, *fast, "--workers", 1)
    assert "0 extracted, 3 there already" in again.stderr
