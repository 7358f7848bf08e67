"""Tests of graphs as of other projects, with random weights: heatmaps and SimCC, ONNX and OpenVINO IR."""

import json
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skelstream.errors import ModelError, SettingsError
from skelstream.geometry.crops import crop_letterbox, cut
from skelstream.refinement.graph_description import read_description
from skelstream.refinement.heatmaps import peaks
from skelstream.refinement.registry import make_refiner
from skelstream.settings import RefinementSettings
from skelstream.skeleton import COCO17

onnx = pytest.importorskip("onnx")
ov = pytest.importorskip("openvino")

HEIGHT, WIDTH, JOINTS = 64, 48, 20
FACTS = {"height": HEIGHT, "width": WIDTH}
# COCO's joints among others, in another order.
NAMES = ["big toe", *reversed(COCO17.joints), "heel", "hand"]


class _HeatmapNet(nn.Module):
    def __init__(self, joints=17):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, joints, 3, 1, 1))

    def forward(self, x):
        maps = self.net(x)
        return maps, maps.flatten(2).argmax(-1)  # a second output, as in PP-TinyPose


class _SimCCNet(nn.Module):
    def __init__(self, joints=17):
        super().__init__()
        self.net = nn.Conv2d(3, joints, 8, 8)
        self.x, self.y = nn.Linear(48, WIDTH * 2), nn.Linear(48, HEIGHT * 2)

    def forward(self, x):
        flat = F.relu(self.net(x)).flatten(2)
        return self.x(flat), self.y(flat)


def _export(network, path, facts):
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.2)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(), (torch.zeros(1, 3, HEIGHT, WIDTH),), str(path), dynamo=False, opset_version=17
        )
    if facts is not None:
        model = onnx.load(str(path))
        onnx.helper.set_model_props(model, {"refiner": json.dumps(facts)})
        onnx.save(model, str(path))
    return network


def _refiner(path, flip=False):
    return make_refiner(RefinementSettings(weights=str(path), flip=flip), "auto", "auto", "float32")


def _expected(box, network, bgr=False, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)):
    """Return the network's output for a crop, computed by torch."""
    letterbox = crop_letterbox(box, (HEIGHT, WIDTH))
    crop = cut(IMAGE, letterbox.matrix, (HEIGHT, WIDTH)).astype(np.float32)
    crop = (crop[..., ::-1] if bgr else crop) - np.float32(mean)
    with torch.no_grad():
        return letterbox, network(torch.from_numpy(crop / np.float32(std)).permute(2, 0, 1)[None])


IMAGE = np.random.default_rng(3).integers(0, 256, (120, 160, 3)).astype(np.uint8)
BOXES = np.array([[10, 10, 60, 110], [70, 20, 150, 100]], np.float32)


def test_heatmaps_with_metadata(tmp_path):
    network = _export(_HeatmapNet(), tmp_path / "h.onnx", FACTS | {"output": "heatmap", "joints": "coco17"})
    keypoints, scores = _refiner(tmp_path / "h.onnx").joints(IMAGE, BOXES)
    assert keypoints.shape == (2, 17, 2) and scores.shape == (2, 17)
    for box, found, score in zip(BOXES, keypoints, scores, strict=True):
        letterbox, (maps, _) = _expected(box, network)
        places, heights = peaks(maps)
        np.testing.assert_allclose(found, letterbox.to_image(places[0].numpy() * 4), atol=0.05)
        np.testing.assert_allclose(score, heights[0].clamp(0, 1), atol=1e-3)


def test_simcc_with_a_toml_file(tmp_path):
    network = _export(_SimCCNet(JOINTS), tmp_path / "s.onnx", None)
    (tmp_path / "s.toml").write_text(
        f'height = {HEIGHT}\nwidth = {WIDTH}\noutput = "simcc"\ncolour = "bgr"\nmean = [1, 2, 3]\nstd = [10, 20, 30]\n'
        f"joints = {json.dumps(NAMES)}\n"
    )
    keypoints, _ = _refiner(tmp_path / "s.onnx").joints(IMAGE, BOXES)
    letterbox, (x, y) = _expected(BOXES[0], network, bgr=True, mean=(1, 2, 3), std=(10, 20, 30))
    order = [NAMES.index(name) for name in COCO17.joints]
    places = torch.stack([x[0, order].argmax(-1), y[0, order].argmax(-1)], -1).numpy() / 2
    np.testing.assert_allclose(keypoints[0], letterbox.to_image(places), atol=1e-3)


def test_openvino_ir_and_flip(tmp_path):
    facts = FACTS | {"output": "heatmap", "joints": "coco17"}
    _export(_HeatmapNet(), tmp_path / "h.onnx", facts)
    ov.save_model(ov.Core().read_model(tmp_path / "h.onnx"), tmp_path / "i.xml", compress_to_fp16=False)
    (tmp_path / "i.toml").write_text(
        f'height = {HEIGHT}\nwidth = {WIDTH}\noutput = "heatmap"\njoints = "coco17"\n'
    )
    one, other = (_refiner(tmp_path / name).joints(IMAGE, BOXES)[0] for name in ("h.onnx", "i.xml"))
    np.testing.assert_allclose(one, other, atol=1e-3)
    assert "mirrored" in _refiner(tmp_path / "i.xml", flip=True).name
    box = np.array([20, 10, 68, 90], np.float32)
    mirrored = np.array([160 - box[2], box[1], 160 - box[0], box[3]], np.float32)
    refiner = _refiner(tmp_path / "i.xml", flip=True)
    scores = refiner.joints(IMAGE, [box])[1]
    again = refiner.joints(np.ascontiguousarray(IMAGE[:, ::-1]), [mirrored])[1]
    # The border cell has no neighbour to shift from.
    assert (np.abs(scores - again[:, list(COCO17.flip_order)]) < 0.02).mean() > 0.6


@pytest.mark.slow
def test_an_export_of_our_own_weights_is_read(tmp_path):
    from skelstream.network.model_file import find_model, read_header
    from skelstream.network.weights import load_image_network
    from skelstream.runtimes.onnx import export_onnx

    path = tmp_path / "second.onnx"
    export_onnx(load_image_network(read_header(find_model("skelstream-refiner"))), path, {})
    facts = read_description(path)
    assert (facts.image.height, facts.image.width, facts.stride, facts.joints) == (
        256,
        192,
        4,
        tuple(range(17)),
    )
    one = _refiner(path).joints(IMAGE, BOXES)
    other = make_refiner(RefinementSettings(), "cpu", "torch", "float32").joints(IMAGE, BOXES)
    np.testing.assert_allclose(one[1], other[1], atol=2e-3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"output": "offsets"}, "output is 'offsets'"),
        ({"joints": "mpii16"}, "nose, left_eye, right_eye, left_ear, right_ear missing"),
        ({"joints": ["nose", "tail"]}, "missing"),
        ({"joints": "fish"}, "not a joint set"),
        ({"size": 3}, "no setting size"),
        ({"std": [0, 1, 1]}, "std must be above 0"),
        ({"height": None}, "lacks height"),
        ({"stride": 8}, "heatmap output of shape"),
    ],
)
def test_wrong_descriptions_are_errors(tmp_path, change, match):
    facts = FACTS | {"output": "heatmap", "joints": "coco17"} | change
    _export(_HeatmapNet(), tmp_path / "h.onnx", {k: v for k, v in facts.items() if v is not None})
    with pytest.raises(ModelError, match=match) as caught:
        _refiner(tmp_path / "h.onnx")
    assert "h.onnx" in str(caught.value)


def test_files_without_a_description_are_errors(tmp_path):
    _export(_HeatmapNet(), tmp_path / "h.onnx", None)
    with pytest.raises(ModelError, match=r"write h\.toml beside it"):
        _refiner(tmp_path / "h.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="broken.onnx"):
        _refiner(tmp_path / "broken.onnx")
    (tmp_path / "text.pth").write_text("x")
    with pytest.raises(ModelError, match=r"\.onnx, \.xml"):
        _refiner(tmp_path / "text.pth")
    (tmp_path / "h.toml").write_text("height = ")
    with pytest.raises(ModelError, match="not TOML"):
        _refiner(tmp_path / "h.onnx")
    (tmp_path / "h.toml").write_text(_DESCRIPTION)
    with pytest.raises(SettingsError, match="OpenVINO on the CPU"):
        make_refiner(RefinementSettings(weights=str(tmp_path / "h.onnx")), runtime="torch")


@pytest.mark.slow
def test_imported_hrnet_weights_refine(tmp_path, monkeypatch):
    """The refiner's name is that of the imported file."""
    from typer.testing import CliRunner

    from skelstream.cli import app
    from skelstream.network.hrnet import HRNet, HRNetConfig

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.save(HRNet(HRNetConfig(32)).state_dict(), "pose_hrnet_w32_64x32.pth")
    result = CliRunner().invoke(app, ["models", "import", "pose_hrnet_w32_64x32.pth"])
    assert result.exit_code == 0 and "--refiner hrnet-w32" in result.output, result.output
    keypoints, scores = make_refiner(RefinementSettings(weights="hrnet-w32"), "cpu", "torch").joints(
        IMAGE, BOXES
    )
    assert np.isfinite(keypoints).all() and scores.shape == (2, 17)


_DESCRIPTION = f'height={HEIGHT}\nwidth={WIDTH}\noutput="heatmap"\njoints="coco17"\n'


def _graph(path, operator, inputs, output_kind=1):
    """An ONNX file with one operator on float inputs of the given shapes."""
    names = [f"x{i}" for i in range(len(inputs))]
    values = [onnx.helper.make_tensor_value_info(n, 1, s) for n, s in zip(names, inputs, strict=True)]
    attributes = {} if inputs else {"value": onnx.helper.make_tensor("t", 1, [1], [1.0])}
    node = onnx.helper.make_node(operator, names, ["y"], **attributes)
    output = onnx.helper.make_tensor_value_info("y", output_kind, None)
    graph = onnx.helper.make_graph([node], "g", values, [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("operator", "inputs", "kind", "match"),
    [
        ("Constant", [], 1, "its inputs are none"),
        ("Add", [[1, 3, HEIGHT, WIDTH]] * 2, 1, r"its inputs are \[1,3,64,48\], \[1,3,64,48\]"),
        ("Identity", [[1, 3]], 1, r"its inputs are \[1,3\]"),
        ("NonZero", [[1, 3, HEIGHT, WIDTH]], 7, "the description says heatmap"),
        ("Nonsense", [[1, 3, HEIGHT, WIDTH]], 1, "cannot read it"),
    ],
)
def test_odd_graphs_are_one_line(tmp_path, operator, inputs, kind, match):
    path = tmp_path / "a.onnx"
    _graph(path, operator, inputs, kind)
    (tmp_path / "a.toml").write_text(_DESCRIPTION)
    with pytest.raises(ModelError, match=match) as caught:
        make_refiner(RefinementSettings(weights=str(path)), "cpu", "auto", "auto")
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_an_ir_without_layers_is_one_line(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text('<?xml version="1.0"?><net name="a" version="11"><layers/></net>')
    (tmp_path / "a.toml").write_text(_DESCRIPTION)
    with pytest.raises(ModelError, match=r"a.xml: its inputs are none, and it has 0 outputs"):
        make_refiner(RefinementSettings(weights=str(path)), "cpu", "auto", "auto")


@pytest.mark.parametrize("content", [b"garbage", b"\x99\x00\xff" * 99, b"<net><layers>", b"<html/>", b""])
def test_an_ir_that_is_no_network_prints_nothing(tmp_path, capfd, content):
    path = tmp_path / "bin.xml"
    path.write_bytes(content)
    path.with_suffix(".toml").write_text('height = 64\nwidth = 48\noutput = "heatmap"\njoints = "coco17"\n')
    with pytest.raises(ModelError, match="not an OpenVINO IR file"):
        _refiner(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text", ["a=" + "[" * 5000, "a=" + "{b=" * 5000, "a=1\na=2"], ids=["lists", "tables", "twice"]
)
def test_a_description_that_is_no_toml_is_one_line(tmp_path, text):
    (tmp_path / "a.xml").write_text("<net/>")
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ModelError, match=r"a.toml: not TOML") as caught:
        read_description(tmp_path / "a.xml")
    assert "\n" not in str(caught.value)
