from __future__ import annotations

import hashlib
import pickle

import pytest
from typer.testing import CliRunner

from skelstream.batch.manifest import read_manifest
from skelstream.batch.records import DONE, Record, Recorder
from skelstream.batch.results import Results
from skelstream.cli import app
from skelstream.formats import save
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


@pytest.fixture
def convert(tmp_path):
    def run(*more):
        return CliRunner().invoke(
            app, ["convert", str(tmp_path / "out"), "-o", str(tmp_path / "set.pkl"), *more]
        )

    return run


@pytest.fixture
def batch(class_folders, tmp_path):
    """Return a batch with results of two of three clips, and its clips."""
    results, clips = Results(tmp_path / "out"), read_manifest(class_folders)
    key = results.prepare(clips, {}, redo=False)
    recorder = Recorder(results.store)
    for clip in clips[1:]:
        builder = SequenceBuilder(OPENPOSE18, source=clip.path, height=64, width=96)
        builder.add(TrackedPeople.failed(0, 0.0, 18))
        (results.location / f"{clip.id}.npz").parent.mkdir(parents=True)
        save(builder.finish(), (results.location / f"{clip.id}.npz"))
        content = (results.location / f"{clip.id}.npz").read_bytes()
        recorder.add(
            Record(clip.id, DONE, key, 1.0, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        )
    return results, clips


def test_a_training_set_has_the_labels_and_splits_of_the_manifest(batch, convert, tmp_path):
    result = convert()
    assert result.exit_code == 0, result.output
    assert "1 of 3 clips are not done and are left out" in result.stderr
    assert "classes: 0 run, 1 walk" in result.stderr
    found = pickle.loads((tmp_path / "set.pkl").read_bytes())
    assert found["split"] == {"train": ["train/walk/001"], "val": ["val/run/001"]}
    assert [(row["frame_dir"], row["label"]) for row in found["annotations"]] == [
        ("train/walk/001", 1),
        ("val/run/001", 0),
    ]


def test_a_changed_result_is_an_error(batch, convert, tmp_path):
    results, clips = batch
    (results.location / f"{clips[2].id}.npz").write_bytes(b"cut")
    result = convert()
    assert result.exit_code == 1 and "val/run/001.npz: does not exist or has changed" in result.stderr
    assert not (tmp_path / "set.pkl").exists()


def test_labels_cannot_be_given_for_a_batch(batch, convert):
    assert convert("--class-folders").exit_code == 2


def test_a_batch_without_done_clips_is_no_training_set(class_folders, convert, tmp_path):
    Results(tmp_path / "out").prepare(read_manifest(class_folders), {}, redo=False)
    result = convert()
    assert result.exit_code == 1 and "no clip is done yet" in result.stderr
