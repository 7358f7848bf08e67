"""WebDataset: a tar in which a clip is two files of one key, ``KEY.npz`` and ``KEY.json``."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from skelstream.batch.shards.contract import Item


def write(path: Path, items: Iterable[Item]) -> None:
    """Writes a tar; ``KEY.npz`` has the bytes of the clip's own file, ``KEY.json`` says what the manifest and the records know."""
    with tarfile.open(path, "x", format=tarfile.PAX_FORMAT) as file:
        for item in items:
            clip, record = item.clip, item.record
            known = {
                "id": clip.id, "label": clip.label, "split": clip.split, "frames": record.frames,
                "tracks": record.tracks, "people": record.people,
            }  # fmt: skip
            key = key_of(clip.id)
            _add(file, f"{key}.npz", item.content)
            _add(file, f"{key}.json", json.dumps(known, ensure_ascii=False).encode())


def key_of(id: str) -> str:
    """A clip's id as WebDataset takes it: what follows the first dot of a file's name is its kind, so that none may be in it."""
    folder, slash, name = id.rpartition("/")
    return f"{folder}{slash}{name.replace('%', '%25').replace('.', '%2E')}"


def _add(file: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # of no owner and no time, so that equal content is equal bytes
    entry.size = len(content)
    file.addfile(entry, io.BytesIO(content))


class Shard:
    """Reads such a file.

    Args:
        path: of it.
    """

    def __init__(self, path: Path):
        self._file = tarfile.TarFile(path)
        self._entries: dict[str, tarfile.TarInfo] = {}
        with suppress(tarfile.TarError):  # what was cut off ends earlier
            for entry in self._file:
                if entry.name.endswith(".npz") and entry.isfile():
                    self._entries[_id_of(entry.name.removesuffix(".npz"))] = entry
        self.ids: Sequence[str] = list(self._entries)

    def read(self, id: str) -> bytes:
        """The bytes of a clip's npz."""
        stream = self._file.extractfile(self._entries[id])
        assert stream is not None  # all entries are files
        return stream.read()

    def close(self) -> None:
        """Frees the file."""
        self._file.close()


def _id_of(key: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{unquote(name)}"
