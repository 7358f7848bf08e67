"""Every command about scores runs, on drawn people that the real networks find, and every option named exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelstream.cli import app

DOCS = Path(__file__).parents[2] / "docs"
SCORES = (DOCS / "reference" / "scores.md").read_text(encoding="utf-8")
COCO = (DOCS / "howto" / "coco.md").read_text(encoding="utf-8")
MOT = (DOCS / "howto" / "mot.md").read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> list[str]:
    return [code for kind, code in re.findall(r"```(\w+)\n(.*?)```", text, re.S) if kind in languages]


@pytest.fixture
def data(mannequins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val2017").mkdir()
    mannequins.write_set(tmp_path / "val2017", images=2, seed=1).rename("person_keypoints_val2017.json")
    return tmp_path


def test_every_option_that_the_page_names_exists():
    commands = ("eval", "eval-tracking")
    shown = "".join(CliRunner().invoke(app, [name, "-h"], env={"COLUMNS": "200"}).stdout for name in commands)
    named = set(re.findall(r"`(--[a-z-]+)", SCORES))
    assert len(named) > 10
    assert all(option in shown for option in named)


@pytest.mark.slow
@pytest.mark.parametrize("command", [*blocks(SCORES, "sh"), *blocks(COCO, "bash")])
def test_the_commands_run(data, command):
    name, *arguments = shlex.split(command.replace("\\\n", " "))
    assert name == "skelstream"
    done = CliRunner().invoke(app, [*arguments, "--bootstrap", "5"])
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_the_snippets_run(data, capsys):
    from skelstream import PoseEstimator

    for code in [*blocks(COCO, "python"), *blocks(SCORES, "python")]:
        exec(code.replace("resamples=1000", "resamples=5"), {"estimator": PoseEstimator()})
    assert "# Keypoint evaluation" in capsys.readouterr().out


def test_tracks_are_scored(here, people):
    pytest.importorskip("motmetrics")
    rows = [
        f"{frame + 1},{track.id},{box[0] + 1},{box[1] + 1},{box[2] - box[0]},{box[3] - box[1]},1"
        for track in people
        for frame, box in zip(track.frame, track.boxes, strict=True)
    ]
    Path("TUD-Stadtmitte/gt").mkdir(parents=True)
    Path("TUD-Stadtmitte/gt/gt.txt").write_text("\n".join(rows))
    Path("skeletons.npz").rename("tracks.npz")
    for block in blocks(MOT, "bash"):
        for line in block.splitlines():
            if "eval-tracking tracks" in line:
                done = CliRunner().invoke(app, shlex.split(line)[1:] + ["--margin", "0"])
                assert done.exit_code == 0 and "MOTA" in done.output, done.output
