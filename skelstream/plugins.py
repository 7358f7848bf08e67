"""Tables that other packages add to, under an entry point's name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Protocol, TypeVar

_log = logging.getLogger(__name__)


class Named(Protocol):
    """Anything with a name in a table."""

    @property
    def name(self) -> str: ...


_Entry = TypeVar("_Entry", bound=Named)


def plugins(group: str, kind: type[_Entry], own: Iterable[_Entry]) -> dict[str, _Entry]:
    """A table by name: skelstream's own entries, then those of other packages.

    Args:
        group: the entry point's name.
        kind: what each entry point has to be an instance of.
        own: skelstream's entries.

    What cannot be imported, is something else or takes a name that there is already is left out, with a warning in the log.
    """
    table = {entry.name: entry for entry in own}
    for point in entry_points(group=group):
        try:
            entry = point.load()
        except Exception as error:  # whatever another package does when it is imported
            _log.warning("%s is left out: it cannot be imported (%s)", point.value, error)
            continue
        if not isinstance(entry, kind):
            _log.warning("%s is left out: an entry point %s must be a %s", point.value, group, kind.__name__)
        elif entry.name in table:
            _log.warning("%s is left out: there is a %s already", point.value, entry.name)
        else:
            table[entry.name] = entry
    return table
