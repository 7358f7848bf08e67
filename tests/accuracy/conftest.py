from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="package")
def mannequins() -> ModuleType:
    """The module beside this one."""
    path = Path(__file__).with_name("mannequins.py")
    spec = importlib.util.spec_from_file_location("mannequins", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Beside others that use the processor, threads that wait for each other take minutes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
