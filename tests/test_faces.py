"""The faces of the rooms: every name that a package exports is there, and reading a file loads no network."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import skelstream

ROOMS = sorted(path.parent.name for path in Path(skelstream.__file__).parent.glob("*/__init__.py"))


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_exported_names_are_there(room):
    package = import_module(f"skelstream.{room}".rstrip("."))
    names = getattr(package, "__all__", [])
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError):
        _ = package.a_name_that_nobody_has


def test_importing_the_package_loads_nothing_heavy():
    code = "import skelstream, skelstream.settings, skelstream.extraction.settings, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "cv2", "av", "numpy", "scipy"} & set(loaded)
