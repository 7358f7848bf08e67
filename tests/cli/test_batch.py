from __future__ import annotations

import pytest
from typer.testing import CliRunner

from skelstream.cli import app

pytestmark = pytest.mark.slow

FAST = ("--size", 64, "--refine", 0, "--runtime", "torch", "--workers", 1)


@pytest.fixture
def batch():
    def run(*arguments):
        return CliRunner().invoke(app, ["batch", *map(str, arguments)])

    return run


@pytest.fixture
def class_folders(tmp_path, walk):
    """Write class folders with a video and a damaged file."""
    folder = tmp_path / "videos"
    for label in ("run", "walk"):
        (folder / label).mkdir(parents=True)
    walk.rename(folder / "walk" / "001.mp4")
    (folder / "run" / "001.mp4").write_bytes(b"no video")
    return folder


def test_a_batch_is_run_shown_and_retried(batch, class_folders, tmp_path, walk):
    out = tmp_path / "out"
    first = batch("run", class_folders, "-o", out, *FAST)
    assert first.exit_code == 1 and "1 extracted" in first.stderr and "1 failed" in first.stderr
    assert "run/001: " in first.stderr and (out / "walk/001.npz").exists()

    again = batch("run", class_folders, "-o", out, *FAST)
    assert again.exit_code == 1 and "0 extracted, 1 done before" in again.stderr
    assert "1 skipped that failed before" in again.stderr

    shown = batch("status", out)
    assert shown.exit_code == 0 and "1 x SourceError, e.g. run/001" in shown.stdout

    changed = batch("run", class_folders, "-o", out, *FAST, "--size", 96)
    assert changed.exit_code == 1 and "detection.size 64 before, 96 now" in changed.stderr
    assert "(--redo)" in changed.stderr

    (class_folders / "run" / "001.mp4").write_bytes((class_folders / "walk" / "001.mp4").read_bytes())
    assert batch("retry", out).exit_code == 2
    retried = batch("retry", out, "--failed", "--workers", 1)
    assert retried.exit_code == 0 and "1 extracted" in retried.stderr
    assert batch("retry", out, "--failed").stderr == "no clip has failed\n"


def test_bad_input_is_a_one_line_error(batch, tmp_path):
    for arguments, message in (
        (("run", tmp_path / "none.csv", "-o", tmp_path / "out"), "no such file or folder"),
        (("status", tmp_path), "holds no batch"),
        (("retry", tmp_path, "--failed"), "holds no batch"),
        (("pack", "s3:/bucket/x", "--unpack"), "is an incomplete URL"),
    ):
        result = batch(*arguments)
        assert result.exit_code == 1 and message in result.stderr and result.stderr.count("\n") == 1


def test_clips_per_shard_needs_a_shard_format(batch, tmp_path):
    for arguments in (
        ("run", tmp_path / "none.csv", "-o", tmp_path / "out"),
        ("pack", tmp_path),
        ("pack", tmp_path, "--unpack"),
    ):
        result = batch(*arguments, "--clips-per-shard", 5)
        assert result.exit_code == 2 and "needs a shard format" in result.stderr


@pytest.mark.parametrize(
    "content", ['{"settings": {"vid', "[1]", "{}", '{"settings": 1}', '{"settings": {"foo": 1}}']
)
def test_damaged_settings_name_the_way_out_which_keeps_the_results(batch, class_folders, tmp_path, content):
    out = tmp_path / "out"
    batch("run", class_folders, "-o", out, *FAST)
    settings = out / ".batch" / "settings.json"
    whole = settings.read_text()
    settings.write_text(content)
    commands = [("retry", out, "--failed"), ("status", out), ("run", class_folders, "-o", out, *FAST)]
    for arguments in commands if content in ('{"settings": {"vid', "[1]") else commands[:1]:
        result = batch(*arguments)
        assert result.exit_code == 1, result.output
        assert f"{settings}" in result.stderr and "remove the file and run the batch again" in result.stderr
    settings.unlink()
    again = batch("run", class_folders, "-o", out, *FAST)
    assert "0 extracted, 1 done before" in again.stderr and settings.read_text() == whole


def test_the_bar_says_what_happens_before_the_first_clip(batch, class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr("skelstream.runtimes.registry.faster_runtime", lambda *_: "OpenVINO is faster")
    result = batch("run", class_folders, "-o", tmp_path / "out", *FAST)
    assert "loading the networks, then the first clips" in result.stderr
    assert result.stderr.count("OpenVINO is faster") == 1
