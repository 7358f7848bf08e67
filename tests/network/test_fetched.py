"""Networks of other projects: their descriptions, where they are kept, and what is said when they are missing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from skelstream.errors import ModelError, SettingsError
from skelstream.files.cache import MODELS_VARIABLE, OFF, VARIABLE
from skelstream.files.wheels import WheelFile
from skelstream.network import fetched
from skelstream.network.fetched import FetchedModel, fetch_set, fetchable_models
from skelstream.network.model_file import find_model

from ..files.wheels import offered_wheel

CONTENT = b"a network" * 9


@pytest.fixture
def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FetchedModel:
    """Replace the networks that can be fetched by one, in a small wheel."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    wheel = offered_wheel(tmp_path / "index", monkeypatch, {"modules/hand.tflite": CONTENT})
    file = WheelFile(wheel, "modules/hand.tflite", hashlib.sha256(CONTENT).hexdigest())
    model = replace(fetchable_models()["mediapipe-hand"], file=file)
    monkeypatch.setattr(fetched, "fetchable_models", lambda: {"mediapipe-hand": model})
    return model


def test_a_network_is_fetched_found_and_described(hand: FetchedModel, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="mediapipe-hand has not been fetched; run: skelstream models fetch whole-body"
    ):
        find_model("mediapipe-hand")
    assert fetch_set("whole-body") == ([hand], [hand])
    path = tmp_path / "cache" / "models" / "mediapipe-hand.tflite"
    assert find_model("mediapipe-hand") == path and path.read_bytes() == CONTENT
    assert path.with_suffix(".toml").read_bytes() == hand.description.read_bytes()
    assert fetch_set("whole-body") == ([hand], [])


@pytest.mark.parametrize("ending", [".tflite", ".toml"])
def test_what_is_damaged_is_not_used_and_fetched_again(hand: FetchedModel, ending: str) -> None:
    fetch_set("whole-body")
    hand.path.with_suffix(ending).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="is damaged.* skelstream models fetch whole-body"):
        find_model("mediapipe-hand")
    fetch_set("whole-body")
    assert find_model("mediapipe-hand") == hand.path


def test_the_folder_is_set_apart_from_the_cache(
    hand: FetchedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, OFF)
    with pytest.raises(SettingsError, match=f"{VARIABLE} is off.*set {MODELS_VARIABLE} to a folder"):
        fetch_set("whole-body")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "networks"))
    fetch_set("whole-body")
    assert find_model("mediapipe-hand") == tmp_path / "networks" / "mediapipe-hand.tflite"


def test_the_table_is_complete() -> None:
    models = fetchable_models()
    assert sorted(models) == ["mediapipe-face", "mediapipe-hand", "mediapipe-palm"]
    assert len({model.file.wheel for model in models.values()}) == 1
    for model in models.values():
        assert len(model.file.sha256) == len(model.file.wheel.sha256) == 64
        assert {"brief", "finds", "data", "licence", "figures"} == set(model.card)
