"""Nothing leaves the machine: an audit hook sees every connection that a process tries."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

AUDITED = """
import os, sys

def hook(event, arguments):
    name = str(arguments[0]) if event == "open" and arguments else ""
    if event.startswith(("socket.connect", "socket.getaddrinfo", "urllib.Request", "http.client.connect")) or "/intel/" in name:
        os.write(2, f"AUDIT {event} {arguments!r}\\n".encode())

sys.addaudithook(hook)
from skelstream.cli import main
sys.argv = ["skelstream", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("openvino_telemetry") is None, reason="OpenVINO's telemetry is missing"
)
def test_no_use_is_reported(walk, tmp_path):
    clean = {
        name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")
    }
    command = [
        "extract",
        walk,
        "-o",
        tmp_path / "a.npz",
        "--size",
        64,
        "--refine",
        0,
        "--runtime",
        "openvino",
        "-q",
    ]
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, *map(str, command)],
        env={**clean, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "AUDIT" not in done.stderr, done.stderr
    assert not (tmp_path / "home").exists()


def test_others_find_the_telemetry_as_they_left_it():
    pytest.importorskip("openvino")
    code = (
        "import sys, types; sys.modules['openvino_telemetry'] = mine = types.ModuleType('openvino_telemetry');"
        "import skelstream.runtimes.openvino_import; assert sys.modules['openvino_telemetry'] is mine"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_modules_that_other_threads_import_meanwhile_do_no_harm():
    pytest.importorskip("openvino")
    code = """
import sys, types

class Name(str):
    def split(self, *arguments):
        sys.modules["imported_meanwhile"] = types.ModuleType("imported_meanwhile")
        return super().split(*arguments)

sys.modules[Name("first")] = types.ModuleType("first")
import skelstream.runtimes.openvino_import
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
