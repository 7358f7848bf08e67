from __future__ import annotations

import sys

import pytest

from skelstream.errors import MissingExtraError, SettingsError
from skelstream.refinement.parts.registry import make_part_refiners
from skelstream.settings.parts import PartSettings


@pytest.mark.parametrize("network", ["skelstream-refiner", "HERE/hand.toml"])
@pytest.mark.parametrize("kind", ["hand", "face"])
def test_a_network_that_is_no_graph_is_refused_before_it_is_read(tmp_path, kind, network) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "hand.toml").write_text("height = 8")
    hands = kind == "hand"
    settings = PartSettings(
        hands=hands, face=not hands, **{f"{kind}_weights": network.replace("HERE", str(tmp_path))}
    )
    with pytest.raises(SettingsError, match="not a graph") as error:
        make_part_refiners(settings)
    assert error.value.setting == f"{kind}_network"


def test_without_openvino_the_message_does_not_send_to_torch(tmp_path, monkeypatch) -> None:
    (tmp_path / "hand.tflite").write_bytes(b"")
    monkeypatch.delitem(sys.modules, "skelstream.refinement.graph_refiner", raising=False)
    for module in [name for name in sys.modules if name.startswith("skelstream.runtimes.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "openvino", None)
    path = str(tmp_path / "hand.tflite")
    with pytest.raises(MissingExtraError, match="hands and face need OpenVINO, whatever the runtime"):
        make_part_refiners(PartSettings(hands=True, face=True, hand_weights=path, palm_weights=path))
