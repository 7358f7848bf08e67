"""Fixtures: commands in separate processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

# The installed command with a slow stand-in for the network, whose results are known.
PROGRAM = """
import importlib.util, sys, time
import skelstream.estimation.pose_estimator
spec = importlib.util.spec_from_file_location("stand_in", {conftest!r})
stand_in = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stand_in)

class Slow(stand_in.BarEstimator):
    def infer(self, inputs):
        time.sleep({pause})
        return super().infer(inputs)

skelstream.estimation.pose_estimator.PoseEstimator = lambda *arguments: Slow()
from skelstream.cli import main
sys.argv = ["skelstream", *{arguments!r}]
main()
"""


def _restore_signals() -> None:
    """Restore the default signal handlers, as in a terminal."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start():
    """Return a function that starts ``skelstream``; processes still running are killed after the test."""
    running = []

    def start(*arguments, pause=0.0, **options) -> subprocess.Popen:
        conftest = str(Path(__file__).parents[1] / "conftest.py")
        program = PROGRAM.format(conftest=conftest, pause=pause, arguments=[str(a) for a in arguments])
        command = [sys.executable, "-c", program]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen(command, preexec_fn=_restore_signals, **pipes | options))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()
