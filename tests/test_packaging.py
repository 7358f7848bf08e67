"""What is installed is whole: a wheel, built by way of a source archive, has every module and every file of data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import skelstream

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]

BUILD = """
import os, sys
from setuptools import build_meta
getattr(build_meta, sys.argv[1])(sys.argv[2])
"""

IMPORT_ALL = """
import importlib, pkgutil, sys
import skelstream
assert skelstream.__file__.startswith(sys.argv[1]), skelstream.__file__
for module in pkgutil.walk_packages(skelstream.__path__, "skelstream."):
    importlib.import_module(module.name)
    print(module.name)
"""


def run(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, unpacked."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("not in a checkout")
    folder = tmp_path_factory.mktemp("packaging")
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for name in ("skelstream", "cli"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    run("-c", BUILD, "build_sdist", folder, cwd=checkout)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    run("-c", BUILD, "build_wheel", folder, cwd=folder / archive.name.removesuffix(".tar.gz"))
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as file:
        file.extractall(folder / "installed")
    return folder / "installed"


def files_of(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_has_every_file_of_the_checkout(wheel):
    expected = files_of(ROOT / "skelstream") | {f"cli/{name}" for name in files_of(ROOT / "cli")}
    assert files_of(wheel / "skelstream") == expected


def test_every_module_of_the_wheel_imports(wheel):
    """In a process of its own and away from the checkout, which an editable install would find instead."""
    names = run("-c", IMPORT_ALL, wheel, cwd=wheel, PYTHONPATH=str(wheel)).split()
    assert len(names) > 100
    assert {"skelstream.cli.extract", "skelstream.network.backbones.movenet"} <= set(names)


def test_version_has_one_source(wheel):
    (metadata,) = wheel.glob("*.dist-info/METADATA")
    assert f"\nVersion: {skelstream.__version__}\n" in metadata.read_text()
    said = run("-m", "skelstream", "--version", cwd=wheel, PYTHONPATH=str(wheel))
    assert said == f"skelstream {skelstream.__version__}\n"


def test_a_checkout_runs_its_own_command_line(tmp_path):
    """Whatever is installed, an editable checkout elsewhere included."""
    for name in ("skelstream", "cli"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    version = tmp_path / "skelstream" / "version.py"
    version.write_text(version.read_text().replace(skelstream.__version__, "9.9.9"))
    (tmp_path / "cli" / "info.py").write_text("def info() -> None:\n    print('its own')\n")
    assert run("-m", "skelstream", "--version", cwd=tmp_path) == "skelstream 9.9.9\n"
    assert run("-m", "skelstream", "info", cwd=tmp_path) == "its own\n"


def test_torch_has_no_upper_limit(wheel):
    """It would keep skelstream from whoever has a newer one; what the README's commands install is in constraints.txt."""
    (metadata,) = wheel.glob("*.dist-info/METADATA")
    (requirement,) = [
        line for line in metadata.read_text().splitlines() if "torch" in line and "Dist" in line
    ]
    assert "<" not in requirement
