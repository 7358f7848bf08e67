"""WebDataset shards: a tar in which each clip is two files with one key, ``KEY.npz`` and ``KEY.json``."""

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
    """Write a tar; ``KEY.npz`` is the clip's npz, ``KEY.json`` has its id, label, split and counts."""
    with tarfile.open(path, "x", format=tarfile.PAX_FORMAT) as file:
        for item in items:
            clip, record = item.clip, item.record
            values = {
                "id": clip.id, "label": clip.label, "split": clip.split, "frames": record.frames,
                "tracks": record.tracks, "people": record.people,
            }  # fmt: skip
            key = key_of(clip.id)
            _add(file, f"{key}.npz", item.content)
            _add(file, f"{key}.json", json.dumps(values, ensure_ascii=False).encode())


def key_of(id: str) -> str:
    """Return a clip's id as a key, with dots escaped: the first dot of a file name ends the key."""
    folder, slash, name = id.rpartition("/")
    return f"{folder}{slash}{name.replace('%', '%25').replace('.', '%2E')}"


def _add(file: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # without owner and time, so that equal content makes equal bytes
    entry.size = len(content)
    file.addfile(entry, io.BytesIO(content))


class Shard:
    """A WebDataset shard that is open for reading.

    Args:
        path: path of the tar.
    """

    def __init__(self, path: Path):
        self._file = tarfile.TarFile(path)
        self._entries: dict[str, tarfile.TarInfo] = {}
        with suppress(tarfile.TarError):  # a truncated tar: keep the entries before the cut
            for entry in self._file:
                if entry.name.endswith(".npz") and entry.isfile():
                    self._entries[_id_of(entry.name.removesuffix(".npz"))] = entry
        self.ids: Sequence[str] = list(self._entries)

    def read(self, id: str) -> bytes:
        """Return the bytes of a clip's npz."""
        stream = self._file.extractfile(self._entries[id])
        assert stream is not None  # all entries are files
        return stream.read()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _id_of(key: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{unquote(name)}"
