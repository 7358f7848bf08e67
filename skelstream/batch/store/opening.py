"""The store at a folder or a URL."""

from __future__ import annotations

import re
from pathlib import Path

from skelstream.batch.store.folder import FolderStore
from skelstream.batch.store.store import Store
from skelstream.errors import OutputError

# One slash after the scheme, as in s3:/bucket/x, or nothing after two; a drive of Windows is one letter.
_HALF_URL = re.compile(r"\w[\w+.-]+:/(/*|[^/].*)")


def store_at(place: str | Path) -> Store:
    """The store at a folder or a URL.

    Raises:
        OutputError: it is half a URL, which would be the name of a folder here.
        MissingExtraError: fsspec, or what it needs for such a URL, is not installed.
    """
    text = str(place).removeprefix("file://")
    if _HALF_URL.fullmatch(text):
        raise OutputError(
            f"{text}: is not a whole URL, such as s3://bucket/skeletons; a folder of that name is ./{text}"
        )
    if "://" not in text:
        return FolderStore(Path(text))
    from skelstream.batch.store.remote import RemoteStore

    return RemoteStore(text.rstrip("/"))
