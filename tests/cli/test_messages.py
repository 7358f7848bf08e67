"""Tests of names with control characters and rich's markup, in every command that prints them."""

from __future__ import annotations

import logging
import shutil

import pytest
from typer.testing import CliRunner

import skelstream.estimation.pose_estimator
from skelstream.cli import app
from skelstream.cli.messages import program

NASTY = "\x1b[2J\x1b]0;owned\x07[red]x[nope]\r\n\u202e"


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code in (0, 1, 2) and not isinstance(result.exception, ValueError), result.exception
    for forbidden in ("\x1b[2J", "\x1b]0;", "\x07", "\r", "\u202e"):
        assert forbidden not in result.stdout + result.stderr
    return result


def test_names_are_escaped(bars, walk, tmp_path, monkeypatch):
    monkeypatch.setattr(skelstream.estimation.pose_estimator, "PoseEstimator", lambda *a, **k: bars())
    clip, npz = tmp_path / f"a{NASTY}.mp4", tmp_path / f"b{NASTY}.npz"
    shutil.copy(walk, clip)
    done = run("extract", clip, "-o", npz, "--sheet", tmp_path / f"c{NASTY}.png")
    assert done.exit_code == 0 and r"b\x1b[2J\x1b]0;owned\x07[red]x[nope]\r\n\u202e.npz" in done.stderr
    run("extract", clip, clip, "-o", tmp_path / f"d{NASTY}/")
    run("extract", f"none{NASTY}.mp4", "-o", tmp_path / "x.npz")
    run("convert", npz, "-o", tmp_path / f"e{NASTY}.csv")
    run("convert", npz, "-o", tmp_path / "no" / f"e{NASTY}.csv")
    run(
        "render",
        npz,
        "--skeleton-only",
        "-o",
        tmp_path / f"f{NASTY}.mp4",
        "--sheet",
        tmp_path / f"g{NASTY}.png",
    )
    run("view", npz, "-o", tmp_path / f"h{NASTY}.html")
    run("preview", clip, "--no-display", "-o", tmp_path / f"i{NASTY}.npz")


def test_names_of_missing_files_are_escaped(tmp_path):
    run("eval", "--annotations", f"none{NASTY}.json", "--results", f"none{NASTY}.json")
    run("models", "show", f"none{NASTY}")
    run("train", f"none{NASTY}.toml", "--data", tmp_path, "-o", tmp_path / "run")


def test_an_error_names_the_option_for_its_setting(tmp_path):
    (tmp_path / "a.html").touch()
    result = run("view", tmp_path / "a.npz", "-o", tmp_path / "a.html")
    assert "a.html exists; choose another name, or replace it with --overwrite" in result.stderr


@pytest.mark.slow
def test_debug_shows_the_log(walk, tmp_path):
    for debug in ([], ["--debug"]):
        result = CliRunner().invoke(
            app,
            [
                "extract",
                str(walk),
                "-o",
                str(tmp_path / "a.npz"),
                "--overwrite",
                "--size",
                "64",
                "--refine",
                "0",
                *debug,
            ],
        )
        assert ("skelstream.runtimes.registry: runtime: " in result.stderr) == bool(debug)
    assert not logging.getLogger("skelstream").handlers


def test_the_program_is_named_as_the_shell_finds_it(monkeypatch):
    monkeypatch.setattr("sys.argv", [".venv/bin/skelstream", "extract"])
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert program() == ".venv/bin/skelstream"
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert program() == "skelstream"
