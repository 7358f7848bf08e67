from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch


def _beside(name: str) -> ModuleType:
    """The module ``name`` of this folder."""
    spec = importlib.util.spec_from_file_location(f"grouping_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """Grouping as slow, obvious loops."""
    return _beside("reference")


@pytest.fixture(scope="session")
def scenes() -> ModuleType:
    """Random people and candidates."""
    return _beside("scenes")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Maps are too small for threads to help."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
