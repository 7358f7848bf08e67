"""The results of a batch: a file per clip or shards, and the manifest, settings and records in ``.batch``."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from skelstream.batch.manifest import Clip, read_manifest, write_manifest
from skelstream.batch.records import History, Record
from skelstream.batch.shards.layout import ENDINGS, Layout
from skelstream.batch.shards.table import shard_format
from skelstream.batch.store.opening import open_store
from skelstream.batch.store.store import Store
from skelstream.errors import FormatError, OutputError, SkelstreamError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.files.arguments import path_argument
from skelstream.files.json import parse_json
from skelstream.files.values import entry, integer, mapping, string

_MANIFEST, _SETTINGS, _LAYOUT = ".batch/manifest.csv", ".batch/settings.json", ".batch/shards.json"
_START_AGAIN = "remove the file and run the batch again with the same options, which keeps its results"
# Changed settings that an error message lists.
_MAX_LISTED = 4


@dataclass(frozen=True)
class Results:
    """The results of a batch.

    Attributes:
        location: folder, or URL that fsspec reaches.

    Raises:
        SettingsError: the location is neither text nor a path.
    """

    location: str | Path

    def __post_init__(self) -> None:
        path_argument(self.location, "output", ", or a URL")

    @cached_property
    def store(self) -> Store:
        """The store of the files.

        Raises:
            MissingExtraError: a library for this kind of URL is not installed.
        """
        return open_store(self.location)

    def exists(self) -> bool:
        """Return whether there is a batch at the location."""
        return self.store.info(_MANIFEST) is not None

    def prepare(
        self, clips: Sequence[Clip], settings: Mapping[str, Any], redo: bool, layout: Layout | None = None
    ) -> str:
        """Write the manifest, the settings and the layout, and return the hash of the settings.

        Args:
            clips: all clips of the manifest; they replace those of an earlier run.
            settings: settings that determine the results, as JSON values.
            redo: whether other settings may replace those of an earlier run, whose results then no longer
                count.
            layout: layout of the shards; None for the present one, which at first is a file per clip.

        Raises:
            OutputError: the location cannot be written, or its settings or layout differ.
            MissingExtraError: a library for these shards is not installed.
        """
        text = json.dumps(settings, indent=1, sort_keys=True) + "\n"
        before = None if self.store.info(_SETTINGS) is None else self.settings()
        changed = [] if before is None else list(_changes(before, json.loads(text)))
        if changed and not redo:
            more = f" and {len(changed) - _MAX_LISTED} more" if len(changed) > _MAX_LISTED else ""
            raise OutputError(
                f"{self.location}: holds results of other settings: {', '.join(changed[:_MAX_LISTED])}{more};"
                " choose another folder, or extract the clips again",
                setting="redo",
            )
        if layout is not None and before is not None and (present := self.layout()) != layout:
            raise OutputError(
                f"{self.location}: stores results in {present or 'a file per clip'}; for {layout}, run:"
                f" skelstream batch pack {self.location} --shards {layout.format}"
                f" --clips-per-shard {layout.clips}"
            )
        if layout is not None:
            self.set_layout(layout)
        if before is None or changed:
            self.store.write(_SETTINGS, text.encode())
        with self.store.writing(_MANIFEST) as path:
            write_manifest(clips, path)
        return settings_hash(settings)

    def set_layout(self, layout: Layout | None) -> None:
        """Write the layout of the shards; None for a file per clip.

        Raises:
            MissingExtraError: a library for these shards is not installed.
        """
        if layout is not None:
            shard_format(layout.ending)
        if layout != self.layout():
            self.store.write(_LAYOUT, (json.dumps(layout and asdict(layout)) + "\n").encode())

    def layout(self) -> Layout | None:
        """Return the layout of the shards; None for a file per clip.

        Raises:
            FormatError: the layout file is damaged.
        """
        values = self._json(_LAYOUT)
        if values is None:
            return None
        try:
            values = mapping(values, "the layout")
            format, clips = string(values.get("format"), "format"), integer(values.get("clips"), "clips", 1)
            if format not in ENDINGS:
                raise FormatError(f"format is {format!r}, one of {', '.join(ENDINGS)} expected")
            return Layout(format, clips)
        except FormatError as error:
            path = self.store.path(_LAYOUT)
            raise FormatError(f"{path}: {error}; remove the file, and run batch pack --shards") from None

    def clips(self) -> list[Clip]:
        """Return all clips of the manifest.

        Raises:
            FormatError: there is no batch.
        """
        try:
            with self.store.local_file(_MANIFEST) as path:
                return read_manifest(path)
        except FileNotFoundError:
            raise FormatError(
                f"{self.location}: holds no batch; give the output folder or URL of skelstream batch run"
            ) from None

    def settings(self) -> dict[str, Any]:
        """Return the settings of the results, as JSON values; empty if there is no batch.

        Raises:
            FormatError: the file of the settings is damaged.
        """
        path = self.store.path(_SETTINGS)
        try:
            values = self._json(_SETTINGS)
            return {} if values is None else mapping(values, path)
        except FormatError as error:
            raise FormatError(f"{error}; {_START_AGAIN}") from None

    def extraction_settings(self) -> ExtractionSettings:
        """Return the settings with which the clips were extracted.

        Raises:
            FormatError: the file of the settings is damaged, or of another version.
        """
        path = self.store.path(_SETTINGS)
        try:
            return ExtractionSettings.from_json(mapping(entry(self.settings(), "settings", path), path))
        except SkelstreamError as error:
            text = str(error)
            named = text if str(path) in text else f"{path}: {text}"
            raise FormatError(named if _START_AGAIN in text else f"{named}; {_START_AGAIN}") from None

    def _json(self, name: str) -> Any:
        """Return the value in a JSON file; None if there is no such file."""
        try:
            return parse_json(self.store.read(name), self.store.path(name))
        except FileNotFoundError:
            return None


def result_name(clip: str) -> str:
    """Return the name of a result's own file for a clip's id."""
    return f"{clip}.npz"


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Return a hash of settings: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def clip_settings_hash(settings: str, clip: Clip) -> str:
    """Return the hash of the batch's ``settings`` hash together with the clip's start and end."""
    span = (clip.start, clip.end)
    return settings if span == (None, None) else settings_hash({"settings": settings, "part": span})


def done_record(history: History, settings: str, clip: Clip) -> Record | None:
    """Return a clip's successful record with these settings; None without one or if the video has changed.

    Args:
        history: records of the clip.
        settings: hash of the batch's settings.
        clip: the clip.
    """
    record = history.done.get(clip_settings_hash(settings, clip))
    if record is None or record.source_size is None:
        return record
    try:
        status = os.stat(clip.path)
    except OSError:
        return record  # a deleted video cannot be extracted again
    same = (status.st_size, status.st_mtime_ns) == (record.source_size, record.source_time)
    return record if same else None


def _changes(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Yield ``NAME OLD before, NEW now`` for each setting that has changed."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif before != now:
        yield f"{name} {json.dumps(before)} before, {json.dumps(now)} now"
