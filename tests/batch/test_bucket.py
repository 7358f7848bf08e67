"""Tests of batches in S3, which a moto server simulates for several processes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelstream.batch.results import Results
from skelstream.batch.store.opening import open_store
from skelstream.cli import app

pytest.importorskip("moto")
fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

FAST = ("--size", "64", "--refine", "0", "--runtime", "torch", "--workers", "1")


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """Return the URL of a bucket that a separate process serves."""
    # Other test runs on this machine have the same URL, hence the same files in the temporary folder.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
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


def test_a_batch_in_a_bucket_equals_one_in_a_folder(class_folders, tmp_path, bucket):
    for location in (tmp_path / "local", bucket):
        done = batch("run", class_folders, "-o", location, *FAST)
        assert done.exit_code == 0, done.output
        assert batch("pack", location, "--shards", "webdataset", "--clips-per-shard", 2).exit_code == 0
        target = tmp_path / f"{Path(location).name}.pkl"
        converted = CliRunner().invoke(app, ["convert", str(location), "-o", str(target)])
        assert converted.exit_code == 0, converted.output
    assert (tmp_path / "local.pkl").read_bytes() == (tmp_path / "skeletons.pkl").read_bytes()
    assert len(pickle.loads((tmp_path / "local.pkl").read_bytes())["annotations"]) == 3
    local, remote = (
        {n: s.read(n) for n in s.list_files("shards")}
        for s in (open_store(tmp_path / "local"), open_store(bucket))
    )
    assert local == remote and len(local) == 2
    again = batch("run", class_folders, "-o", bucket, *FAST)
    assert "0 extracted, 3 done before" in again.stderr and "in shards" in batch("status", bucket).stdout


def test_a_killed_run_continues_to_the_same_bytes(class_folders, tmp_path, bucket):
    sharded = ("--shards", "webdataset", "--clips-per-shard", "2")
    command = [sys.executable, "-m", "skelstream", "batch", "run", str(class_folders), *FAST, *sharded]
    killed = subprocess.Popen([*command, "-o", bucket], stderr=subprocess.DEVNULL, start_new_session=True)
    store = Results(bucket).store
    while not any(name.endswith((".npz", ".tar")) for name in store.list_files("")):
        assert killed.poll() is None
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    for location in (bucket, str(tmp_path / "local")):
        done = subprocess.run([*command, "-o", location], capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
    names = [name for name in store.list_files("") if not name.startswith(".batch")]
    assert sorted(names) == ["index.csv", "shards/train-000000.tar", "shards/val-000000.tar"]
    assert {n: store.read(n) for n in names} == {n: (tmp_path / "local" / n).read_bytes() for n in names}


def test_a_bucket_that_does_not_exist_is_a_one_line_error(class_folders, bucket):
    done = batch("run", class_folders, "-o", "s3://unknown/skeletons", *FAST)
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert "s3://unknown/skeletons/.batch/settings.json: cannot be written" in done.stderr
