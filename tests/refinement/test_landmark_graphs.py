"""Graphs that give landmarks: TFLite files, hands with a side, whole bodies; and the compiled graph in the cache."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import ModelError
from skelstream.files.cache import VARIABLE
from skelstream.network.model_file import packaged_models
from skelstream.refinement.graph_description import read_description
from skelstream.refinement.registry import make_refiner
from skelstream.settings import RefinementSettings
from skelstream.skeleton import COCO17, COCO_WHOLEBODY133, FACE468, HAND21, OPENPOSE_WHOLE

from .test_graph_refiner import BOXES, FACTS, HEIGHT, IMAGE, NAMES, WIDTH, _export, _SimCCNet

pytest.importorskip("openvino")

from skelstream.refinement.graph_refiner import GraphRefiner  # noqa: E402

# A TFLite graph of slices and shapes, in three outputs: ``points`` are the 63 values of the image's first 7 rows and 3
# columns, ``sure`` the red and ``right`` the green of its last pixel but one column. Input (1, 8, 8, 3).
_TFLITE = zlib.decompress(base64.b64decode(
    "eNptVD1PG0EU3DufLxdYwEiWhRBCLigoXPgSChQhIaTIVYRSuEhBQyLLNhKJhY9UFBQpKSn5ARSUKaNUKVKkQBFl6lQpUqSKlLvM7g7n58VrzX"
    "28nZ2dfe+dE6VUt/Pi6d+8KOp4/gX8Bl5WlargngB3wEfgEjgDDoAdYA2IgO//iiIiNyB+MlZTbjwizFyYT+YCD+v57HVmPMun99kF9j0tw60Q"
    "R56WHFuYM/yM6+o2uqhW8FRTGntEeHPxFeATSF+Bb4Hj94EYGOGlDtzi+Qp4xZx8Llw+MZabuGxwn5yeQu/cC4zNAfOel3nhxdfbL2bracYS6n"
    "XAYx7amjnZLlwO5pgvMx4zh+9n8AfkJ4Ifl/VZVKue3zX63cSlRV9mhcltzDyFopbmXmWswnmjW7f7P8hDu8bnyP7c+orwFggtTe2F0oeyWjsg"
    "JMAdgtfAGdAFWkAUuN6/Yd93eQ7bg6hjwrwY3ZNhf5B5dWgJjlkzPj3pKY9znrs8s8dDTb/jNC39Z0Invt8rVeWZJW6pFws9o/H6iZs3a7543o"
    "2vVM3Wa7IPqp7eOJ3oPScn8vcUHNNr8gyjd8O32Xi6/hfUYf3C0t/gcNQT9fxArftcvTnNSu/y+/9BvdD33p740rZnl2xPavE/MnWOKb62/a/I"
    "l3kcHh/2eyKPifhWjE6Tc3/gq+H2aGjb1xO9PRff+w80cpQ+"
))  # fmt: skip
_TOML = """
height = 8
width = 8
output = "landmarks"
joints = "hand21"
mean = [0, 0, 0]
std = [1, 1, 1]
margin = 1.0
"""
_OUTPUTS = 'outputs = { landmarks = "points", presence = "sure", side = "right" }\n'
_WHOLE = np.array([4, 4, 8, 8, 0], np.float32)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(_TFLITE)
    path.with_suffix(".toml").write_text(_TOML + _OUTPUTS)
    return path


def image(sure: int = 1, right: int = 0) -> np.ndarray:
    """Return an image whose pixels hold the numbers 0 to 62 in the places that the graph reads."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:7, :3] = np.arange(63).reshape(7, 3, 3)
    pixels[7, 7, 0], pixels[7, 6, 1], pixels[7, 7, 1] = sure, right, right
    return pixels


def test_points_presence_and_side(graph: Path) -> None:
    refiner = GraphRefiner(graph, precision="float32")
    assert refiner.skeleton is HAND21 and refiner.name == "tiny (OpenVINO, cpu, float32)"
    keypoints, scores, sides = refiner.joints_and_sides(image(), [_WHOLE])
    # The graph's numbers are distances from the edge of the first pixel, whose middle is our 0.
    np.testing.assert_allclose(keypoints[0], np.arange(63).reshape(21, 3)[:, :2] - 0.5, atol=1e-4)
    assert scores.tolist() == [[1.0] * 21] and sides.tolist() == [0.0]
    assert refiner.joints_and_sides(image(0, 1), [_WHOLE])[2].tolist() == [1.0]
    assert [len(part) for part in refiner.joints_and_sides(image(), [])] == [0, 0, 0]


def test_landmarks_are_computed_in_float32(graph: Path) -> None:
    for precision in ("auto", "int8"):
        assert "float32" in GraphRefiner(graph, precision=precision).name


def test_logits_become_probabilities(graph: Path) -> None:
    graph.with_suffix(".toml").write_text(_TOML + _OUTPUTS + "logits = true\n")
    _, scores, sides = GraphRefiner(graph, precision="float32").joints_and_sides(image(2, 1), [_WHOLE])
    np.testing.assert_allclose(scores[0], 1 / (1 + np.exp(-2)), atol=1e-5)
    np.testing.assert_allclose(sides, 1 / (1 + np.exp(-1)), atol=1e-5)


def test_landmarks_are_found_by_their_number(graph: Path) -> None:
    graph.with_suffix(".toml").write_text(_TOML)
    keypoints, scores, sides = GraphRefiner(graph, precision="float32").joints_and_sides(image(0), [_WHOLE])
    np.testing.assert_allclose(keypoints[0, 20], [59.5, 60.5], atol=1e-4)
    assert (scores == 1).all() and np.isnan(sides).all()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            'outputs = { landmarks = "right" }',
            "landmarks is the output right of 42 or 63 values, the graph has",
        ),
        ('outputs = { presence = "Identity" }', r"presence is the output Identity .* points \[1, 63\]"),
        (
            'outputs = { boxes = "points" }',
            "outputs names boxes; known for landmarks: landmarks, presence, side",
        ),
        ("logits = 3", "logits"),
    ],
)
def test_wrong_outputs_are_one_line(graph: Path, text: str, match: str) -> None:
    graph.with_suffix(".toml").write_text(_TOML + text)
    with pytest.raises(ModelError, match=match) as caught:
        GraphRefiner(graph)
    assert "tiny.t" in str(caught.value) and "\n" not in str(caught.value)


def test_other_joints_are_found_to_be_too_many(graph: Path) -> None:
    graph.with_suffix(".toml").write_text(_TOML.replace("hand21", "face468"))
    with pytest.raises(ModelError, match="name the one with the landmarks in the description"):
        GraphRefiner(graph)


@pytest.mark.parametrize("content", [b"", b"garbage of some length"])
def test_a_file_that_is_no_tflite_is_one_line(
    graph: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    graph.write_bytes(content)
    with pytest.raises(ModelError, match="not a TFLite file, or damaged"):
        GraphRefiner(graph)
    assert capfd.readouterr() == ("", "")


def test_a_hand_is_not_a_person(graph: Path) -> None:
    with pytest.raises(ModelError, match="finds the joints of hand21, not those of a person's body"):
        make_refiner(RefinementSettings(weights=str(graph)))


def test_the_compiled_graph_is_kept(graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    first = GraphRefiner(graph).joints(image(), [_WHOLE])[0]
    monkeypatch.setattr("skelstream.runtimes.graph_file._read", lambda *_: pytest.fail("read again"))
    np.testing.assert_array_equal(GraphRefiner(graph).joints(image(), [_WHOLE])[0], first)
    graph.write_bytes(_TFLITE + b"\0")
    with pytest.raises(pytest.fail.Exception, match="read again"):
        GraphRefiner(graph)


def test_a_whole_body_network_refines(tmp_path: Path) -> None:
    network = _export(
        _SimCCNet(133), tmp_path / "w.onnx", FACTS | {"output": "simcc", "joints": "coco-wholebody133"}
    )
    refiner = make_refiner(RefinementSettings(weights=str(tmp_path / "w.onnx")), precision="float32")
    assert refiner.skeleton is COCO_WHOLEBODY133
    keypoints, scores = refiner.joints(IMAGE, BOXES)
    assert keypoints.shape == (2, 133, 2) and scores.shape == (2, 133) and network is not None


@pytest.mark.parametrize(
    ("joints", "skeleton"),
    [
        ("coco17", COCO17),
        ("openpose18", COCO17),
        ("halpe26", COCO17),
        (NAMES, COCO17),
        ("openpose-whole", OPENPOSE_WHOLE),
        ([*reversed(COCO_WHOLEBODY133.joints), "tail"], COCO_WHOLEBODY133),
        ("hand21", HAND21),
        ("face468", FACE468),
    ],
)
def test_the_joint_set_is_the_largest_known_one(
    tmp_path: Path, joints: str | list[str], skeleton: object
) -> None:
    (tmp_path / "a.toml").write_text(
        f'height = {HEIGHT}\nwidth = {WIDTH}\noutput = "simcc"\njoints = {json.dumps(joints)}\n'
    )
    description = read_description(tmp_path / "a.onnx")
    assert description.skeleton is skeleton
    names = [name.replace(" ", "_") for name in joints] if isinstance(joints, list) else None
    if names:
        assert tuple(names[i] for i in description.joints) == description.skeleton.joints


def test_the_networks_that_can_be_fetched_are_described() -> None:
    folder = packaged_models()["skelstream-refiner"].parents[1] / "descriptions"
    found = {path.stem: read_description(path) for path in folder.glob("*.toml")}
    assert found["mediapipe-hand"].skeleton is HAND21 and found["mediapipe-face"].skeleton is FACE468
    assert found["mediapipe-palm"].skeleton is None and found["mediapipe-palm"].count == 7


def test_palms_cannot_refine(graph: Path) -> None:
    graph.with_suffix(".toml").write_text(_TOML.replace('"landmarks"', '"anchors"'))
    with pytest.raises(ModelError, match="finds where anchors are"):
        GraphRefiner(graph)
