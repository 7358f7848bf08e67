"""The folder that many clips' results go to: a file for each, and in ``.batch`` what was wanted and what became of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skelstream.atomic import replacing
from skelstream.batch.manifest import Clip, read_manifest, write_manifest
from skelstream.batch.records import History, Record
from skelstream.errors import FormatError, OutputError
from skelstream.json_files import read_json

_INSIDE = ".batch"
_SHOWN = 4


@dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes:
        folder: the folder.
    """

    folder: Path

    @property
    def records(self) -> Path:
        """The folder of the records."""
        return self.folder / _INSIDE / "records"

    @property
    def jobs(self) -> Path:
        """The folder in which a cluster's jobs keep their own files."""
        return self.folder / _INSIDE / "jobs"

    @property
    def _manifest(self) -> Path:
        return self.folder / _INSIDE / "manifest.csv"

    @property
    def _settings(self) -> Path:
        return self.folder / _INSIDE / "settings.json"

    def is_there(self) -> bool:
        """Whether the folder is one of results."""
        return self._manifest.is_file()

    def prepare(self, clips: Sequence[Clip], settings: Mapping[str, Any], redo: bool) -> str:
        """Makes the folder, and keeps the manifest and the settings in it.

        Args:
            clips: all of the manifest; they replace those of before.
            settings: that decide the results, as JSON takes them.
            redo: whether other settings than before may take their place; results made with those do not count then.

        Returns:
            The settings' hash.

        Raises:
            OutputError: the folder cannot be written, or the settings are others than before.
        """
        try:
            self.records.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made ({error.strerror})") from None
        text = json.dumps(settings, indent=1, sort_keys=True) + "\n"
        if self._settings.exists():
            changed = list(_changes(read_json(self._settings), json.loads(text)))
            if changed and not redo:
                more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
                raise OutputError(
                    f"{self.folder}: holds results of other settings: {', '.join(changed[:_SHOWN])}{more}; choose another"
                    " folder, or do its clips again",
                    setting="redo",
                )
        _keep(self._settings, text)
        write_manifest(clips, self._manifest)
        return settings_hash(settings)

    def clips(self) -> list[Clip]:
        """Those of the manifest.

        Raises:
            FormatError: there is none.
        """
        if not self.is_there():
            raise FormatError(
                f"{self.folder}: holds no batch; give the folder that skelstream batch run wrote to"
            )
        return read_manifest(self._manifest)

    def settings(self) -> dict[str, Any]:
        """What the results are made with."""
        return read_json(self._settings)

    def path(self, clip: Clip) -> Path:
        """The result of a clip."""
        return self.folder / f"{clip.id}.npz"


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Hexadecimal digits that stand for settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def settings_of(settings: str, clip: Clip) -> str:
    """The hash of the settings for one clip, to which the part of the video belongs."""
    span = (clip.start, clip.end)
    return settings if span == (None, None) else settings_hash({"settings": settings, "part": span})


def done_with(history: History, settings: str, clip: Clip) -> Record | None:
    """The record of a clip being done with these settings, if its video is still the one that was seen.

    Args:
        settings: the hash of those of the whole batch.
    """
    record = history.done.get(settings_of(settings, clip))
    if record is None or record.source_size is None:
        return record
    try:
        status = os.stat(clip.path)
    except OSError:
        return record  # what has gone cannot be done better
    return (
        record if (status.st_size, status.st_mtime_ns) == (record.source_size, record.source_time) else None
    )


def verified(path: Path, record: Record) -> bool:
    """Whether a result is the one that was recorded, byte for byte."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size != record.size:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == record.sha256
    except OSError:
        return False


def _keep(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _changes(before: Any, now: Any, name: str = ""):
    """``name before → now`` for each setting that has changed."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif before != now:
        yield f"{name} {json.dumps(before)} before, {json.dumps(now)} now"
