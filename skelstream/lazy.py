"""Package faces whose names are imported as they are used, so that reading a file does not load a network, and quicker imports."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

# A block that imports fewer modules than this loads no large library, and objects of the rest of the program may be garbage.
_MANY = 100


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


@contextmanager
def importing() -> Iterator[None]:
    """Keep the search for garbage away from what is imported in the block, for good: modules are no garbage.

    The search takes a fifth of the time of torch's import, and as long again the first time afterwards.
    """
    enabled, loaded = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > loaded + _MANY:
            gc.freeze()
        if enabled:
            gc.enable()
