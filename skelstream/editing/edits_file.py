"""The file of edits, which the page of ``skelstream view`` saves: JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skelstream.editing.edits import Edit, edit_from_json
from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.json import read_json
from skelstream.files.values import integer, items, mapping, refuse
from skelstream.sequences.meta import id_of
from skelstream.sequences.sequence import SkeletonSequence

_VERSION = 1


@dataclass(frozen=True)
class EditsFile:
    """Edits, and the identities that they were made for.

    Attributes:
        edits: the edits, in order.
        tracks: number of poses by id, of the file that they were made for; None if unknown.
    """

    edits: tuple[Edit, ...]
    tracks: dict[int, int] | None = None

    def check(self, sequence: SkeletonSequence) -> None:
        """Check that a sequence has the identities that the edits were made for.

        Raises:
            FormatError: it has others.
        """
        own = {track.id: len(track) for track in sequence}
        if self.tracks is None or self.tracks == own:
            return
        differing = sorted(one for one in {*own, *self.tracks} if own.get(one) != self.tracks.get(one))
        one = differing[0]
        raise FormatError(
            f"the edits were made for other identities: track {one} has {own.get(one, 0)} poses here and had"
            f" {self.tracks.get(one, 0)} there; make them again in skelstream view"
        )


def read_edits(path: Path) -> EditsFile:
    """Return the content of a file of edits.

    Raises:
        FormatError: the file cannot be read, or is no file of edits.
    """
    content = read_json(path)
    try:
        facts = mapping(content, "the file")
        if facts.get("skelstream_edits") != _VERSION:
            refuse(facts.get("skelstream_edits"), "skelstream_edits", f"{_VERSION}, the version of the file,")
        edits = [
            edit_from_json(one, f"edits[{number}]")
            for number, one in enumerate(items(facts.get("edits"), "edits"))
        ]
        tracks = facts.get("tracks")
        if tracks is not None:
            tracks = {
                integer(key if (one := id_of(key)) is None else one, "an id in tracks"): integer(
                    count, f"tracks.{key}"
                )
                for key, count in mapping(tracks, "tracks").items()
            }
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    return EditsFile(tuple(edits), tracks)


def write_edits(path: Path, edits: Sequence[Edit], sequence: SkeletonSequence) -> None:
    """Write edits made for a sequence.

    Raises:
        OutputError: the file cannot be written.
    """
    content = {
        "skelstream_edits": _VERSION,
        "tracks": {str(track.id): len(track) for track in sequence},
        "edits": [edit.to_json() for edit in edits],
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
