"""Where many clips' results go: a file for each, or shards, and in ``.batch`` what was wanted and what became of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from skelstream.batch.manifest import Clip, read_manifest, write_manifest
from skelstream.batch.records import History, Record
from skelstream.batch.shards.layout import Layout
from skelstream.batch.shards.table import shard_format
from skelstream.batch.store.opening import store_at
from skelstream.batch.store.store import Store
from skelstream.errors import FormatError, OutputError
from skelstream.files.json import parse_json

_MANIFEST, _SETTINGS, _LAYOUT = ".batch/manifest.csv", ".batch/settings.json", ".batch/shards.json"
_SHOWN = 4


@dataclass(frozen=True)
class Results:
    """The results of a batch.

    Attributes:
        place: a folder, or a URL of what fsspec reaches.
    """

    place: str | Path

    @cached_property
    def store(self) -> Store:
        """What holds the files.

        Raises:
            MissingExtraError: a library for such a place is not installed.
        """
        return store_at(self.place)

    def is_there(self) -> bool:
        """Whether there is a batch."""
        return self.store.find(_MANIFEST) is not None

    def prepare(
        self, clips: Sequence[Clip], settings: Mapping[str, Any], redo: bool, layout: Layout | None = None
    ) -> str:
        """Keeps the manifest and the settings.

        Args:
            clips: all of the manifest; they replace those of before.
            settings: that decide the results, as JSON takes them.
            redo: whether other settings than before may take their place; results made with those do not count then.
            layout: of the shards that the results are to be in; None: as before, which is a file for each at first.

        Returns:
            The settings' hash.

        Raises:
            OutputError: the place cannot be written to, or the settings or the layout are others than before.
            MissingExtraError: such shards cannot be written here.
        """
        text = json.dumps(settings, indent=1, sort_keys=True) + "\n"
        before = self._json(_SETTINGS)
        changed = [] if before is None else list(_changes(before, json.loads(text)))
        if changed and not redo:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            raise OutputError(
                f"{self.place}: holds results of other settings: {', '.join(changed[:_SHOWN])}{more}; choose another"
                " folder, or do its clips again",
                setting="redo",
            )
        if layout is not None and before is not None and (now := self.layout()) != layout:
            raise OutputError(
                f"{self.place}: its results are in {now or 'a file for each clip'}; to have them in {layout}: skelstream batch pack {self.place}"
                f" --shards {layout.format} --clips-per-shard {layout.clips}"
            )
        if layout is not None:
            self.lay_out(layout)
        if before is None or changed:
            self.store.write(_SETTINGS, text.encode())
        self._keep_manifest(clips)
        return settings_hash(settings)

    def lay_out(self, layout: Layout | None) -> None:
        """Keeps what shards the results are to be in; None: a file for each.

        Raises:
            MissingExtraError: such shards cannot be written here.
        """
        if layout is not None:
            shard_format(layout.ending)
        if layout != self.layout():
            self.store.write(_LAYOUT, (json.dumps(layout and asdict(layout)) + "\n").encode())

    def layout(self) -> Layout | None:
        """Of the shards that the results are to be in; None for a file for each.

        Raises:
            FormatError: the file that says so is damaged.
        """
        values = self._json(_LAYOUT)
        try:
            return values and Layout(values["format"], values["clips"])
        except (KeyError, TypeError):
            where = self.store.path(_LAYOUT)
            raise FormatError(
                f"{where}: does not say which shards; remove it, and batch pack --shards"
            ) from None

    def clips(self) -> list[Clip]:
        """Those of the manifest.

        Raises:
            FormatError: there is none.
        """
        try:
            with self.store.local(_MANIFEST) as path:
                return read_manifest(path)
        except FileNotFoundError:
            raise FormatError(
                f"{self.place}: holds no batch; give the folder that skelstream batch run wrote to"
            ) from None

    def settings(self) -> dict[str, Any]:
        """What the results are made with."""
        return self._json(_SETTINGS) or {}

    def _keep_manifest(self, clips: Sequence[Clip]) -> None:
        with self.store.made(_MANIFEST) as path:
            write_manifest(clips, path)

    def _json(self, name: str) -> Any:
        """The value in a file, None if there is none."""
        try:
            return parse_json(self.store.read(name), self.store.path(name))
        except FileNotFoundError:
            return None


def name_of_result(clip: str) -> str:
    """The file of a clip's result, where it has one of its own.

    Args:
        clip: its id.
    """
    return f"{clip}.npz"


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


def _changes(before: Any, now: Any, name: str = ""):
    """``name before → now`` for each setting that has changed."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif before != now:
        yield f"{name} {json.dumps(before)} before, {json.dumps(now)} now"
