from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import FormatError, OutputError
from skelstream.formats import load, save
from skelstream.processing import filled, smoothed
from skelstream.sequences.sequence import ARRAYS


def test_round_trip(scene, tmp_path):
    save(scene, tmp_path / "a.npz")
    assert load(tmp_path / "a.npz").equals(scene)


def test_arrays_as_documented(scene, tmp_path):
    save(scene, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file) == {*ARRAYS, "meta"}
        for name, (dtype, shape) in ARRAYS.items():
            assert file[name].dtype == dtype and file[name].ndim == len(shape)
        assert file["meta"].shape == ()
        meta = json.loads(file["meta"].item())
    assert (meta["version"], meta["height"], meta["width"]) == (1, 480, 640)
    assert meta["joints"][1] == "neck" and len(meta["flip_pairs"]) == 8


def test_nobody(empty, tmp_path):
    save(empty, tmp_path / "a.npz")
    assert load(tmp_path / "a.npz").equals(empty)


def test_clean_values_lie_beside_the_measured_ones(scene, tmp_path):
    clean = smoothed(filled(scene, 1.0))
    save(clean, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert np.array_equal(file["keypoints"], scene.keypoints, equal_nan=True)
        assert np.array_equal(file["clean_observed"], clean.observed)
    back = load(tmp_path / "a.npz")
    assert back.equals(clean) and back.raw.equals(replace(scene, meta=clean.meta))


def test_same_content_same_bytes(scene, tmp_path):
    save(scene, tmp_path / "a.npz")
    save(replace(scene, meta=dict(reversed(scene.meta.items()))), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_overwriting_must_be_requested(scene, empty, tmp_path):
    path = tmp_path / "a.npz"
    save(scene, path)
    with pytest.raises(OutputError, match="exists; choose another name, or replace it with overwrite=True"):
        save(empty, path)
    assert load(path).equals(scene)
    save(empty, path, overwrite=True)
    assert load(path).equals(empty)


def test_a_failed_write_leaves_the_old_file_and_no_trace(scene, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save(scene, path)
    bad = replace(scene, meta={**scene.meta, "settings": {"x": 1}})
    real = np.lib.format.write_array

    def fails(entry, array, **options):
        if array.dtype.kind == "U":
            raise OSError(28, "No space left on device")
        real(entry, array, **options)

    monkeypatch.setattr(np.lib.format, "write_array", fails)
    with pytest.raises(OutputError, match="No space left"):
        save(bad, path, overwrite=True)
    monkeypatch.undo()
    assert load(path).equals(scene)
    assert os.listdir(tmp_path) == ["a.npz"]


KILLED = """
import os, signal, sys
from skelstream.formats import load, save
import numpy as np
sequence = load(sys.argv[1])
real, calls = np.lib.format.write_array, 0
def write_array(*args, **options):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args, **options)
np.lib.format.write_array = write_array
from skelstream.processing import filled
save(filled(sequence, 1.0), sys.argv[1], overwrite=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("call", [1, 11])
def test_a_kill_leaves_the_old_file(scene, tmp_path, call):
    path = tmp_path / "a.npz"
    save(scene, path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(call)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert load(path).equals(scene)


def test_permissions_follow_the_umask(scene, tmp_path):
    save(scene, tmp_path / "a.npz")
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_a_link(scene, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "a.npz").symlink_to(tmp_path / "real" / "b.npz")
    save(scene, tmp_path / "a.npz")
    assert (tmp_path / "a.npz").is_symlink() and (tmp_path / "real" / "b.npz").is_file()


def test_folder_that_does_not_exist(scene, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        save(scene, tmp_path / "no" / "a.npz")


def test_device_files_are_left_alone(scene):
    with pytest.raises(OutputError, match="regular file"):
        save(scene, "/dev/null", format="npz", overwrite=True)


def one_line(path) -> str:
    with pytest.raises(FormatError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message and path.name in message
    return message


def test_every_truncation_gets_one_line(scene, tmp_path):
    save(scene, tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    cut = tmp_path / "cut.npz"
    for size in {0, 1, 10, 200, len(data) // 2, len(data) - 30, len(data) - 1}:
        cut.write_bytes(data[:size])
        assert "damaged" in one_line(cut)


def test_flipped_bits_never_give_a_traceback(scene, tmp_path):
    save(scene, tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "hurt.npz"
    refused = 0
    for at in random.integers(0, len(data), 300):
        hurt = bytearray(data)
        hurt[at] ^= 1 << int(random.integers(8))
        path.write_bytes(hurt)
        try:
            load(path)
        except FormatError:
            refused += 1
    assert refused > 200


def test_foreign_files(scene, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=np.zeros(3))
    assert "not a skeletons.npz: it has no keypoints" in one_line(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    assert "not a skeletons.npz" in one_line(path)
    path.write_bytes(b"\x80\x04K\x01.")
    assert "not a skeletons.npz" in one_line(path)
    path.unlink()
    assert "no such file" in one_line(path)
    path.mkdir()
    with pytest.raises(FormatError, match="x.npz: cannot be read: Is a directory"):
        load(path, "npz")


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ('{"version": 2, "skeleton": "openpose18"}', "version 2"),
        ("[1]", "meta is [1], an object"),
        ("{", "meta: not JSON, or cut short"),
    ],
)
def test_other_versions_and_broken_meta(scene, tmp_path, meta, words):
    path = tmp_path / "x.npz"
    np.savez(path, **{name: getattr(scene, name) for name in ARRAYS}, meta=np.array(meta))
    assert words in one_line(path)


def test_pickled_arrays_are_refused(scene, tmp_path):
    path = tmp_path / "x.npz"
    arrays = {name: getattr(scene, name) for name in ARRAYS} | {"keypoints": np.array([{}], object)}
    np.savez(path, **arrays, meta=np.array(json.dumps(dict(scene.meta))))
    one_line(path)
