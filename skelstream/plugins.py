"""Tables of formats, runtimes and so on that other packages extend through entry points."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Protocol, TypeVar

_log = logging.getLogger(__name__)


class Named(Protocol):
    """Entry of a table, found by its name."""

    @property
    def name(self) -> str: ...


def plugin_names(group: str) -> list[str]:
    """Return the names under which other packages register entries of a table, without importing them."""
    return sorted({point.name for point in entry_points(group=group)})


_Entry = TypeVar("_Entry", bound=Named)


def plugins(group: str, kind: type[_Entry], own: Iterable[_Entry]) -> dict[str, _Entry]:
    """Return a table by name: skelstream's own entries, then those of other packages.

    An entry that cannot be imported, has another type or has a name that is already taken is left out, with a
    warning in the log.

    Args:
        group: name of the entry point group.
        kind: class that each entry must be an instance of.
        own: skelstream's entries.
    """
    table = {entry.name: entry for entry in own}
    for point in entry_points(group=group):
        try:
            entry = point.load()
        except Exception as error:  # importing another package may raise anything
            _log.warning("%s is left out: it cannot be imported (%s)", point.value, error)
            continue
        if not isinstance(entry, kind):
            _log.warning("%s is left out: an entry point %s must be a %s", point.value, group, kind.__name__)
        elif entry.name in table:
            _log.warning("%s is left out: the name %s is already taken", point.value, entry.name)
        else:
            table[entry.name] = entry
    return table
