from __future__ import annotations

import pytest

from skelstream.errors import SettingsError
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
