"""Tests of ``skelstream extract -o -`` in a separate process, with a real pipe."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_head_gets_lines_during_the_work_and_ends_it(start, walk):
    process = start("extract", walk, "-o", "-", pause=0.25)
    head = subprocess.run(["head", "-3"], stdin=process.stdout, capture_output=True, timeout=60)
    assert process.poll() is None  # 40 frames would take 10 s
    process.stdout.close()
    assert process.wait(60) == 0 and process.stderr.read() == b""
    lines = [json.loads(line) for line in head.stdout.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2] and all(line["people"] for line in lines)


def test_a_full_disk_is_an_error_unlike_a_closed_pipe(start, walk):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    with full.open("wb") as out:
        process = start("extract", walk, "-o", "-", stdout=out)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(b"skelstream: standard output") and errors.count(b"\n") == 1
