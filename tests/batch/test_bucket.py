"""Batches in S3, as moto serves it to several processes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelstream.batch.results import Results
from skelstream.batch.store.opening import store_at
from skelstream.cli import app

pytest.importorskip("moto")
fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

FAST = ("--size", "64", "--refine", "0", "--runtime", "torch", "--workers", "1")


@pytest.fixture
def bucket(monkeypatch):
    """The URL of a bucket that is served by a process of its own."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    program = (
        "from moto.server import ThreadedMotoServer as Server; import sys; server = Server('127.0.0.1', 0, verbose=False); server.start();"
        " print(server.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.stdout.readline().strip()}")
        files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
        files.mkdir("bucket")
        yield "s3://bucket/skeletons"
        server.kill()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def batch(*arguments: object):
    return CliRunner().invoke(app, ["batch", *map(str, arguments)])


def test_a_batch_in_a_bucket_is_that_of_a_folder(tree, tmp_path, bucket):
    for place in (tmp_path / "here", bucket):
        done = batch("run", tree, "-o", place, *FAST)
        assert done.exit_code == 0, done.output
        assert batch("pack", place, "--shards", "webdataset", "--clips-per-shard", 2).exit_code == 0
        target = tmp_path / f"{Path(place).name}.pkl"
        told = CliRunner().invoke(app, ["convert", str(place), "-o", str(target)])
        assert told.exit_code == 0, told.output
    assert (tmp_path / "here.pkl").read_bytes() == (tmp_path / "skeletons.pkl").read_bytes()
    assert len(pickle.loads((tmp_path / "here.pkl").read_bytes())["annotations"]) == 3
    here, there = (
        {n: s.read(n) for n in s.listed("shards")} for s in (store_at(tmp_path / "here"), store_at(bucket))
    )
    assert here == there and len(here) == 2
    again = batch("run", tree, "-o", bucket, *FAST)
    assert "0 extracted, 3 there already" in again.stderr and "in shards" in batch("status", bucket).stdout


def test_a_killed_run_goes_on_to_the_same_bytes(tree, tmp_path, bucket):
    sharded = ("--shards", "webdataset", "--clips-per-shard", "2")
    command = [sys.executable, "-m", "skelstream", "batch", "run", str(tree), *FAST, *sharded]
    killed = subprocess.Popen([*command, "-o", bucket], stderr=subprocess.DEVNULL, start_new_session=True)
    store = Results(bucket).store
    while not any(name.endswith((".npz", ".tar")) for name in store.listed("")):
        assert killed.poll() is None
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    for place in (bucket, str(tmp_path / "here")):
        done = subprocess.run([*command, "-o", place], capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
    names = [name for name in store.listed("") if not name.startswith(".batch")]
    assert sorted(names) == ["index.csv", "shards/train-000000.tar", "shards/val-000000.tar"]
    assert {n: store.read(n) for n in names} == {n: (tmp_path / "here" / n).read_bytes() for n in names}


def test_a_bucket_that_is_not_there_ends_it_in_one_line(tree, bucket):
    done = batch("run", tree, "-o", "s3://nobody/skeletons", *FAST)
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert "s3://nobody/skeletons/.batch/settings.json: cannot be put there" in done.stderr
