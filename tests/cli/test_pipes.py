"""Tests of standard output in a separate process: pipes, full disks, encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skelstream.formats import save
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import COCO17

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


@pytest.fixture
def table(tmp_path):
    """Return a skeleton file with a name and a table that need more than Latin-1."""
    path = tmp_path / "skeletons….npz"
    save(SequenceBuilder(COCO17, source="a.mp4", height=64, width=64).finish(), path)
    return path


def run(*arguments, **options):
    command = [sys.executable, "-c", "from skelstream.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, timeout=60, **options)


def test_a_reader_that_ends_early_is_no_error(table):
    reader, writer = os.pipe()
    os.close(reader)
    done = run("info", table, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["info", "{}"], ["info", "--json", "{}"], ["--version"]])
def test_a_full_standard_output_is_one_line(table, arguments):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as out:
        done = run(*(argument.format(table) for argument in arguments), stdout=out)
    assert done.returncode == 1 and done.stderr == b"skelstream: standard output: No space left on device\n"


def test_an_output_that_is_not_utf8_gets_question_marks(table):
    done = run("info", table, stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0 and b"skeletons?.npz" in done.stdout and not done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["extract", "-h"], [], ["--version"]], ids=" ".join)
def test_a_reader_of_the_help_that_ends_early_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(*arguments, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
