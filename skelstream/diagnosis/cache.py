"""Check of the user's cache: where it is, its size, and that it can be written and read."""

from __future__ import annotations

from collections.abc import Iterator

from skelstream.diagnosis.check import Check, State, checked
from skelstream.errors import OutputError

# As large as the networks, so that a disk without room for them is found.
_PROBE = b"skelstream doctor" * 1_000_000


def cache() -> Iterator[Check]:
    """Yield a check of the cache of compiled networks."""
    yield checked("cache", "networks", _networks)


def _networks() -> Check:
    from skelstream.files.cache import OFF, VARIABLE, Cache, cache_folder

    folder = cache_folder()
    if folder is None:
        off = f"{VARIABLE} is {OFF}, or there is no home folder; the networks are converted at each start"
        return Check("cache", "networks", State.UNAVAILABLE, off)
    kept = Cache(folder / "graphs", limit=1 << 62, days=float("inf"))  # removes nothing
    entries = kept.entries().values()
    size = f"{sum(info.st_size for info in entries) / 1e6:.0f} MB"
    try:
        kept.write("probe", _PROBE)
    except OutputError as error:
        unwritable = f"{error}; the networks are converted at each start: set {VARIABLE} to another folder"
        return Check("cache", "networks", State.UNAVAILABLE, unwritable)
    found = kept.read("probe")
    kept.remove("probe")
    if found != _PROBE:
        return Check("cache", "networks", State.BROKEN, f"{kept.folder}: what is written is not read back")
    return Check("cache", "networks", State.FINE, f"{kept.folder}, {size} in {len(entries)} files")
