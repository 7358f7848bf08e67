from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import save
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def skeletons(tmp_path):
    builder = SequenceBuilder(OPENPOSE18, source="clip.mp4", height=120, width=160)
    for i in range(3):
        builder.add(TrackedPeople.failed(i, i / 10, 18))
    path = tmp_path / "skeletons.npz"
    save(builder.finish(), path)
    return path


def test_a_page_is_written_and_not_replaced_unasked(skeletons, tmp_path):
    page = tmp_path / "page.html"
    result = run("view", skeletons, "-o", page)
    assert result.exit_code == 0 and "page.html" in result.output
    assert "<title>skeletons.npz</title>" in page.read_text(encoding="utf-8")
    refused = run("view", skeletons, "-o", page)
    assert refused.exit_code == 1 and "--overwrite" in refused.output
    assert run("view", skeletons, "-o", page, "--overwrite", "--title", "Walk", "-q").output == ""
    assert "<title>Walk</title>" in page.read_text(encoding="utf-8")


def test_video_beside_or_within_the_page(skeletons, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(np.arange(100, dtype=np.uint8).tobytes())
    assert run("view", skeletons, "--video", tmp_path / "clip.mp4", "-o", tmp_path / "a.html").exit_code == 0
    assert '"video": "clip.mp4"' in (tmp_path / "a.html").read_text(encoding="utf-8")
    embedded = run("view", skeletons, "--video", tmp_path / "clip.mp4", "--embed", "-o", tmp_path / "b.html")
    assert embedded.exit_code == 0
    assert "data:video/mp4;base64,AAEC" in (tmp_path / "b.html").read_text(encoding="utf-8")


def test_what_is_wrong_is_said_in_a_line(skeletons, tmp_path):
    for arguments, said in (
        ((skeletons, "--video", "gone.mp4"), "gone.mp4"),
        ((skeletons, "--embed"), "--video"),
        ((tmp_path / "gone.npz",), "gone.npz"),
    ):
        result = run("view", *arguments, "-o", tmp_path / "page.html")
        assert result.exit_code in (1, 2) and said in result.output and "Traceback" not in result.output
    assert not (tmp_path / "page.html").exists()
