"""Identities put right by hand: joined, cut, exchanged, named and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.editing.apply import edited
    from skelstream.editing.edits import Drop, Edit, Keep, Merge, Name, Split, Swap
    from skelstream.editing.edits_file import EditsFile, read_edits, write_edits

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "apply": ["edited"],
        "edits": ["Drop", "Edit", "Keep", "Merge", "Name", "Split", "Swap"],
        "edits_file": ["EditsFile", "read_edits", "write_edits"],
    },
)
