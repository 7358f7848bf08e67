from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import skelstream.diagnosis
from skelstream.cli import app
from skelstream.diagnosis import Check, State

FINE = Check("runtimes", "torch", State.FINE, "a frame in 3 ms", 3.0)
UNAVAILABLE = Check("devices", "cuda", State.UNAVAILABLE, "no device [here]")
BROKEN = Check("codecs", "HEVC", State.BROKEN, "no decoder")


@pytest.fixture
def doctor(monkeypatch):
    """Return a function that runs the command with given checks."""

    def run(*arguments, checks=(FINE, UNAVAILABLE)):
        monkeypatch.setattr(skelstream.diagnosis, "diagnose", lambda: iter(checks))
        return CliRunner().invoke(app, ["doctor", *arguments])

    return run


def test_a_line_for_each_check(doctor):
    result = doctor()
    assert result.exit_code == 0
    assert "a frame in 3 ms" in result.stdout and "no device [here]" in result.stdout
    assert "nothing is broken" in result.stdout


def test_json_output(doctor):
    report = json.loads(doctor("--json").stdout)
    assert report["healthy"] is True
    assert report["checks"][0] == {
        "area": "runtimes", "name": "torch", "state": "fine", "detail": "a frame in 3 ms", "milliseconds": 3.0,
    }  # fmt: skip


def test_a_broken_check_is_exit_status_1(doctor):
    result = doctor(checks=(FINE, BROKEN))
    assert result.exit_code == 1 and "1 broken: HEVC" in result.stdout
    result = doctor("--json", checks=(FINE, BROKEN))
    assert result.exit_code == 1 and json.loads(result.stdout)["healthy"] is False
