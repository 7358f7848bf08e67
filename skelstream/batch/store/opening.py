"""Opening of the store at a folder or a URL."""

from __future__ import annotations

import re
from pathlib import Path

from skelstream.batch.store.folder import FolderStore
from skelstream.batch.store.store import Store
from skelstream.errors import OutputError

# One slash after the scheme, as in s3:/bucket/x, or nothing after two; a drive of Windows is one letter.
_INCOMPLETE_URL = re.compile(r"\w[\w+.-]+:/(/*|[^/].*)")


def open_store(location: str | Path) -> Store:
    """Return the store at a folder or a URL.

    Raises:
        OutputError: the location is an incomplete URL, which would become the name of a folder here.
        MissingExtraError: fsspec, or its package for this kind of URL, is not installed.
    """
    text = str(location).removeprefix("file://")
    if _INCOMPLETE_URL.fullmatch(text):
        raise OutputError(
            f"{text}: is an incomplete URL; write s3://bucket/skeletons, or ./{text} for a folder"
        )
    if "://" not in text:
        return FolderStore(Path(text))
    from skelstream.batch.store.remote import RemoteStore

    return RemoteStore(text.rstrip("/"))
