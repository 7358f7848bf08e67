"""Package faces whose names are imported as they are used, so that reading a file does not load a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_exports(
    package: str, homes: Mapping[str, Sequence[str]], packages: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for a package.

    Args:
        package: name of the package, ``__name__`` in it.
        homes: exported names by the module below the package that defines them.
        packages: packages below it that are imported as they are used.
    """
    home = {name: module for module, names in homes.items() for name in names}
    exported = sorted([*home, *packages])

    def __getattr__(name: str) -> Any:
        if name in packages:
            return import_module(f"{package}.{name}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return __getattr__, lambda: exported, exported
