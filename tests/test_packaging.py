from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not in a checkout")
def test_no_package_is_left_out_of_the_wheel() -> None:
    """An editable install finds a package that is not listed, and a wheel lacks it."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {init.parent.relative_to(ROOT) for init in (ROOT / "skelstream").rglob("__init__.py")}
    assert set(listed) == {".".join(folder.parts) for folder in folders} | {"skelstream.cli"}
