"""Damaged and nonsensical files of every kind that is read: each gives a result or the project's own error in one line.

The examples are the same in every run. ``SKELSTREAM_FUZZ=2000`` tries more of them.
"""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import shutil
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skelstream.batch.manifest import COLUMNS, read_manifest
from skelstream.batch.status import status_of
from skelstream.datasets.coco import read_coco
from skelstream.datasets.image import read_set_image
from skelstream.errors import SkelstreamError
from skelstream.evaluation.annotations import load_annotations
from skelstream.evaluation.results import read_results
from skelstream.formats import Sample, read, read_labels, save
from skelstream.formats.checkpoint import CheckpointFile
from skelstream.network.model_file import read_header
from skelstream.network.weights import load_network
from skelstream.processing import filled, with_identities
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.sequences.builder import SequenceBuilder
from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.training.recipe_file import read_recipe

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("SKELSTREAM_FUZZ", "60"))
seeded = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
    suppress_health_check=list(HealthCheck), print_blob=False,
)  # fmt: skip

HOSTILE = st.sampled_from(
    [
        None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1.5, 2**31 - 1, 2**31, 2**63, 2**64, 10**30, 10**400, 1e38, -1e38,
        1e300, float("nan"), float("inf"), float("-inf"), "", "0", "1", "false", "nose", "x" * 200, "a\0b", "\x1b[2J",
        "\udcff", "../../x", [], [[]], {}, {"a": 1}, [1], [1, 2], [1, 2, 3], [[1, 2, 3]], ["a"], [None], [{}], [[[]]],
    ]
)  # fmt: skip


def walk() -> SkeletonSequence:
    """Two people in five frames."""
    from skelstream.people import People
    from skelstream.tracking.tracked import TrackedPeople

    builder = SequenceBuilder(OPENPOSE18, source="walk.mp4", height=240, width=320)
    shape = np.random.default_rng(0).uniform(10, 90, (18, 2)).astype(np.float32)
    for t in range(5):
        points = np.stack([shape + t, shape + 100 - t])
        points[0, 3] = np.nan
        scores = np.where(np.isnan(points[..., 0]), 0, 0.5).astype(np.float32)
        boxes = np.array([[0, 0, 100, 100], [90, 90, 200, 200]], np.float32)
        people = People(points, scores, np.array([0.5, 0.75], np.float32), boxes)
        builder.add(TrackedPeople(t, t / 25, people, np.array([1, 2], np.int32), np.ones(2, bool)))
    return builder.finish()


WALK = walk()
COCO_POSE = np.nan_to_num(np.concatenate([WALK.as_skeleton("coco17").keypoints[0], np.ones((17, 1))], 1))


def results(kind: str) -> Any:
    """A small file of another tool, as plain values."""
    flat, places = COCO_POSE.ravel().tolist(), COCO_POSE[:, :2]
    match kind:
        case "coco":
            return [{"image_id": i, "category_id": 1, "keypoints": flat, "score": 0.5, "bbox": [1, 2, 3, 4], "track_id": 1}
                    for i in range(3)]  # fmt: skip
        case "mmpose":
            person = {
                "keypoints": places.tolist(),
                "keypoint_scores": [0.5] * 17,
                "bbox": [[1, 2, 3, 4]],
                "bbox_score": 0.5,
            }
            info = {"keypoint_id2name": dict(enumerate(COCO17.joints))}
            return {
                "meta_info": info,
                "instance_info": [{"frame_id": i, "instances": [person]} for i in range(3)],
            }
        case "ultralytics":
            points = {"x": places[:, 0].tolist(), "y": places[:, 1].tolist(), "visible": [0.5] * 17}
            box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
            return [
                [
                    {
                        "name": "person",
                        "class": 0,
                        "confidence": 0.5,
                        "box": box,
                        "keypoints": points,
                        "track_id": 1,
                    }
                ]
            ] * 3
        case "mediapipe":
            return [
                {"frame": i, "landmarks": [{"x": 0.5, "y": 0.25, "visibility": 0.5}] * 33} for i in range(3)
            ]
    raise ValueError(kind)


def annotations() -> dict[str, Any]:
    rows = [{"id": i, "image_id": i % 2, "category_id": 1, "keypoints": COCO_POSE.ravel().tolist(), "bbox": [1, 2, 30, 40],
             "area": 900, "iscrowd": 0, "num_keypoints": 17} for i in range(3)]  # fmt: skip
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 240, "width": 320} for i in range(2)]
    return {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}]}  # fmt: skip


def allowed(action: Callable[[], Any]) -> None:
    """A result, or one line of the project's own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            action()
    except SkelstreamError as error:
        assert "\n" not in str(error)


def load_all(path: Path) -> None:
    sequence = with_identities(read(path, size=(240, 320)))
    assert isinstance(sequence, SkeletonSequence) and not isinstance(sequence, Detections)
    sequence.as_skeleton("coco17")


@st.composite
def damage(draw, data: bytes) -> bytes:
    """The bytes with a few of them changed, taken out, put in or cut off."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["set", "cut", "drop", "insert", "repeat"])):
            case "set":
                data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :]
            case "cut":
                data = data[:at]
            case "drop":
                data = data[:at] + data[at + draw(st.integers(1, 50)) :]
            case "insert":
                data = data[:at] + draw(st.binary(min_size=1, max_size=8)) + data[at:]
            case "repeat":
                data = data[:at] + data[max(0, at - 40) : at] + data[at:]
    return data


@st.composite
def spoilt(draw, content: Any) -> Any:
    """The values with a few of them, at any depth, replaced by others, taken out or repeated."""
    content = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 2))):
        if not isinstance(content, list | dict) or not content:
            return content
        node, parent, key = content, None, None
        for _ in range(draw(st.integers(1, 6))):
            if not isinstance(node, list | dict) or not node:
                break
            keys = list(node) if isinstance(node, dict) else range(len(node))
            parent, key = node, draw(st.sampled_from(list(keys)))
            node = parent[key]
        match draw(st.sampled_from(["replace", "replace", "remove", "repeat"])):
            case "replace":
                parent[key] = copy.deepcopy(draw(HOSTILE))
            case "remove":
                del parent[key]
            case "repeat" if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(node))
    return content


FILES = {
    "npz": "a.npz", "jsonl": "a.jsonl", "csv": "a.csv", "parquet": "a.parquet", "pyskl": "a.pkl", "coco": "a.coco.json",
    "pose": "a.pose", "sleap": "a.h5",
}  # fmt: skip
EXTRAS = {"parquet": "pyarrow", "pose": "pose_format", "sleap": "h5py"}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(name, tmp_path):
    pytest.importorskip(EXTRAS.get(name, "numpy"))
    path = tmp_path / FILES[name]
    save(WALK, path, name)
    whole = path.read_bytes()

    @seeded
    @given(damage(whole))
    def check(data):
        path.write_bytes(data)
        allowed(lambda: load_all(path))

    check()


TEXTS = {
    "deeplabcut.csv": "scorer" + ",D" * 51 + "\nbodyparts," + ",".join(j for j in COCO17.joints for _ in "xyl")
    + "\ncoords" + ",x,y,likelihood" * 17 + "\n" + "".join(f"{t}" + ",10,20,0.5" * 17 + "\n" for t in range(3)),
    "a.trc": "PathFileType\t4\t(X/Y/Z)\ta\nDataRate\n25\t25\t3\t17\tpx\nFrame#\tTime\t" + "\t\t\t".join(COCO17.joints)
    + "\n\t\tX1\n" + "".join(f"{t}\t{t / 25}" + "\t100\t200\t0" * 17 + "\n" for t in range(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_damaged_tables(name, tmp_path):
    path = tmp_path / name
    path.write_text(TEXTS[name])
    load_all(path)

    @seeded
    @given(damage(TEXTS[name].encode()))
    def check(data):
        path.write_bytes(data)
        allowed(lambda: load_all(path))

    check()


def test_spoilt_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    save(WALK, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    @seeded
    @given(spoilt(lines))
    def check(content):
        path.write_text("\n".join(map(json.dumps, content if isinstance(content, list) else [content])))
        allowed(lambda: load_all(path))

    check()


def test_spoilt_openpose(tmp_path):
    save(WALK, tmp_path / "json", "openpose")
    file = tmp_path / "json" / "walk_000000000002_keypoints.json"
    content = json.loads(file.read_text())

    @seeded
    @given(spoilt(content))
    def check(spoilt_content):
        file.write_text(json.dumps(spoilt_content))
        allowed(lambda: load_all(tmp_path / "json"))

    check()


@pytest.mark.parametrize("kind", ["coco", "mmpose", "ultralytics", "mediapipe"])
def test_spoilt_results_of_other_tools(kind, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(results(kind)))
    load_all(path)

    @seeded
    @given(spoilt(results(kind)))
    def check(content):
        path.write_text(json.dumps(content))
        allowed(lambda: load_all(path))

    check()


ARRAYS = st.sampled_from(
    [
        np.zeros(0), np.zeros((0, 18, 2), np.float32), np.zeros(()), np.array("x"), np.array(["a", "b"]), np.zeros((3, 3)),
        np.array([2**31, 2**40]), np.array([-1, 0]), np.full(10, np.nan), np.full((10, 18), np.inf), np.full((10, 4), 1e38),
        np.zeros((10, 18, 2), np.complex64), np.array([1, 2], np.uint64), np.zeros(10, "M8[s]"), np.array([True, False]),
        np.zeros(10, [("a", "<f4")]), np.full((10, 18, 2), 1e300), np.array([b"a"]), np.arange(10)[::-1],
    ]
)  # fmt: skip


@seeded
@given(data=st.data())
def test_spoilt_arrays_and_facts(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "spoilt.npz"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        save(filled(WALK), path, overwrite=True)
        with np.load(path) as whole:
            arrays = dict(whole)
        if data.draw(st.booleans()):
            facts = data.draw(spoilt(json.loads(arrays["meta"].item())))
            arrays["meta"] = np.array(json.dumps(facts))
        else:
            arrays[data.draw(st.sampled_from(sorted(arrays)))] = data.draw(ARRAYS)
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array)
    path.write_bytes(stream.getvalue())
    allowed(lambda: load_all(path))


@seeded
@given(data=st.data())
def test_spoilt_checkpoints(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "spoilt.checkpoint"
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=64, width=96)
    builder.add(TrackedPeople.failed(0, 0.0, 18))
    block = builder.take_block()
    facts = data.draw(spoilt({"meta": builder.meta, "size": 1, "time": 2}))
    with CheckpointFile(path) as file:
        file.begin(facts)
        allowed(file.facts)
        name = data.draw(st.sampled_from([*sorted(block), "more"]))
        file.begin({"meta": builder.meta} if data.draw(st.booleans()) else facts)
        with suppress(ValueError):  # an array that cannot be written
            file.add({**block, name: data.draw(ARRAYS)}, b"state")
    allowed(lambda: load_all(path))


@seeded
@given(data=st.data())
def test_spoilt_files_of_a_batch(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "spoilt-batch"
    (folder / ".batch" / "records").mkdir(parents=True, exist_ok=True)
    record = {"clip": "a", "state": "done", "settings": "s", "time": 1.0, "warnings": ["w"], "source_size": 3}
    (folder / ".batch" / "records" / "x.jsonl").write_text(json.dumps(data.draw(spoilt(record))) + "\n")
    (folder / ".batch" / "shards.json").write_text(
        json.dumps(data.draw(spoilt({"format": "webdataset", "clips": 2})))
    )
    (folder / ".batch" / "settings.json").write_text(json.dumps(data.draw(spoilt({"settings": {"size": 1}}))))
    cell = st.sampled_from(
        ["a", "", "../b", "/c", "x.mp4", "-1", "1e400", "nan", '"', "\0", "\x1b", "a/b", "..", "1"]
    )
    rows = data.draw(st.lists(st.lists(cell, min_size=1, max_size=6), max_size=3))
    table = "\n".join([",".join(COLUMNS[: data.draw(st.integers(1, 6))]), *(",".join(row) for row in rows)])
    (folder / ".batch" / "manifest.csv").write_text(table)
    allowed(lambda: read_manifest(folder / ".batch" / "manifest.csv"))
    allowed(lambda: status_of(folder))


@seeded
@given(data=st.data())
def test_spoilt_pickles(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "spoilt.pkl"
    clip = {"frame_dir": "a", "img_shape": [240, 320], "total_frames": 2, "label": 1}
    clip = data.draw(spoilt(clip))
    if isinstance(clip, dict):
        clip["keypoint"] = data.draw(ARRAYS | st.just(np.ones((1, 2, 17, 2))))
        clip["keypoint_score"] = data.draw(ARRAYS | st.just(np.ones((1, 2, 17))) | HOSTILE)
    path.write_bytes(pickle.dumps([clip], protocol=data.draw(st.integers(0, 5))))
    allowed(lambda: load_all(path))


@seeded
@given(spoilt(annotations()))
def test_spoilt_annotations(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "annotations.json"
    path.write_text(json.dumps(content))
    allowed(lambda: load_annotations(path))
    allowed(lambda: read_coco(path))


def test_spoilt_scored_results(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(annotations()))
    coco_set = load_annotations(tmp_path / "a.json")
    rows = [
        {"image_id": i % 2, "category_id": 1, "keypoints": COCO_POSE.ravel().tolist(), "score": 0.5}
        for i in range(3)
    ]

    @seeded
    @given(spoilt(rows))
    def check(content):
        (tmp_path / "r.json").write_text(json.dumps(content))
        allowed(lambda: read_results(tmp_path / "r.json", coco_set))

    check()


def test_spoilt_training_sets(tmp_path):
    from skelstream.training.annotations import SetConfig, read_set

    for i in range(2):
        (tmp_path / f"{i}.jpg").touch()

    @seeded
    @given(spoilt(annotations()))
    def check(content):
        (tmp_path / "a.json").write_text(json.dumps(content))
        allowed(lambda: read_set(SetConfig(tmp_path / "a.json", tmp_path)))

    check()


RECIPE = b"""[run]
samples = 64
rate = 1e-3
[network]
backbone = "movenet"
width = 64
[augmentation]
crop = 256
scale = [0.5, 2.0]
[evaluation]
annotations = "a.json"
images = "a"
[[set]]
annotations = "b.json"
images = "b"
partial = true
"""


@seeded
@given(damage(RECIPE))
def test_damaged_recipes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "recipe.toml"
    path.write_bytes(data)
    allowed(lambda: read_recipe(path, Path("/data")))


@seeded
@given(damage("name,label,split\na.mp4,1.0,train\n\u00fcb/c,2,val\nd,-1,\n".encode()))
def test_damaged_labels(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "labels.csv"
    path.write_bytes(data)
    allowed(lambda: [Sample(WALK, "a"), read_labels(path).described()])


@seeded
@given(data=st.data())
def test_spoilt_weights(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "weights.safetensors"
    header = {"architecture": "paf", "config": {"width": 16, "layers": 1}, "card": {"licence": "none"}}
    header = data.draw(spoilt(header))
    if isinstance(header, dict):
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in header.items()}
        texts = {k: v.encode("utf-8", "replace").decode() for k, v in texts.items()}
        path.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}, texts))
        allowed(lambda: load_network(read_header(path)))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_damaged_images(suffix, tmp_path):
    import cv2

    image = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    whole = cv2.imencode(suffix, image)[1].tobytes()

    @seeded
    @given(damage(whole))
    def check(data):
        (tmp_path / f"a{suffix}").write_bytes(data)
        allowed(lambda: read_set_image(tmp_path / f"a{suffix}", 24, 32))

    check()


def test_nothing_is_left_behind(tmp_path):
    """The files of a reader that fails are closed, so that a folder can go."""
    (tmp_path / "a").mkdir()
    save(WALK, tmp_path / "a" / "a.npz")
    (tmp_path / "a" / "a.npz").write_bytes((tmp_path / "a" / "a.npz").read_bytes()[:-30])
    allowed(lambda: load_all(tmp_path / "a" / "a.npz"))
    shutil.rmtree(tmp_path / "a")
