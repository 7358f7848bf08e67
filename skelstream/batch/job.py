"""The job: one clip from its video to a verified result, which every engine has its workers do."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skelstream.batch.manifest import Clip
from skelstream.batch.records import DONE, FAILED, Record, Records
from skelstream.batch.results import Results, done_with, name_of_result, settings_hash, settings_of
from skelstream.batch.store.fetch import fetched
from skelstream.batch.store.store import StoreError
from skelstream.errors import OutputError, SettingsError
from skelstream.estimation.protocol import Estimator
from skelstream.extraction.extraction import run
from skelstream.extraction.output import Output, rehearse
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import load
from skelstream.network.model_file import find_model
from skelstream.version import __version__

# Errors of the results' file system, which end the whole batch; other errors concern one clip.
_STORE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
# Seconds between two readings of other workers' records, where each is a request to a server.
_REREAD = 10.0


@dataclass(frozen=True)
class Job:
    """What the clips of a batch have in common.

    Attributes:
        results: where the results go.
        settings: everything that determines a result, apart from a clip's start and end.
        hash: hash of the settings and the weights.
        seen: bytes of each file of records that the plan has read.
    """

    results: Results
    settings: ExtractionSettings
    hash: str
    seen: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results, settings: ExtractionSettings) -> Job:
        """Return the job with the hash of its settings.

        Raises:
            SettingsError: the settings say which part of a video to extract, which the manifest does.
            FormatError: the postprocessing is impossible.
            ModelError: the weights cannot be found or read.
        """
        if (settings.video.start, settings.video.end) != (None, None):
            raise SettingsError("in a batch the manifest gives each clip's start and end", setting="start")
        rehearse(Path("clip.npz"), None, settings.postprocessing)
        return cls(results, settings, settings_hash(_as_json(settings)))

    @property
    def settings_json(self) -> dict[str, Any]:
        """The settings and the checksums of the weights, as JSON values."""
        return _as_json(self.settings)

    def do(
        self,
        clip: Clip,
        estimator: Estimator,
        keep: Callable[[Record], None] = lambda _: None,
        others: Records | None = None,
    ) -> Record | None:
        """Extract a clip, read the result back, and return its record; None if another process extracts the clip or has
        done so meanwhile.

        A result appears whole or not at all.

        Args:
            clip: the clip.
            estimator: finds the people.
            keep: called with the record before other processes may claim the clip.
            others: records that other workers have added since the plan was made.

        Raises:
            OutputError: the results' file system takes no more files, which ends the batch.
        """
        store, name, began = self.results.store, name_of_result(clip.id), time.time()
        key = settings_of(self.hash, clip)
        try:
            with store.claimed(f"{name}.extracting", wait=False) as ours:
                if ours is False or (others is not None and self._done_meanwhile(clip, others)):
                    return None
                record = self._done(clip, estimator, key)
                keep(record)
                return record
        except Exception as error:  # whatever it is, the other clips go on
            if isinstance(error, StoreError) or _is_store_error(error):
                raise OutputError(str(error)) from error
            lines = str(error).splitlines() or [type(error).__name__]
            record = Record(
                clip.id, FAILED, key, time.time(), time.time() - began, reason=type(error).__name__, message=lines[-1]
            )  # fmt: skip
            keep(record)
            return record

    def _done_meanwhile(self, clip: Clip, others: Records) -> bool:
        """Return whether another process has done and recorded a clip, so that its result is there or in a shard."""
        store, name = self.results.store, name_of_result(clip.id)
        others.refresh(_REREAD if store.far else 0.0)
        record = done_with(others[clip.id], self.hash, clip)
        if record is None:
            return False
        return store.whole(name, record) or (store.find(name) is None and self.results.layout() is not None)

    def _done(self, clip: Clip, estimator: Estimator, key: str) -> Record:
        store, name, began = self.results.store, name_of_result(clip.id), time.time()
        video = replace(self.settings.video, start=clip.start, end=clip.end)
        settings = replace(self.settings, video=video)
        source = os.stat(clip.path) if os.path.isfile(clip.path) else None
        with store.made(name) as output:
            with fetched(clip.path) as path:
                extraction = run(path, settings, Output(output, overwrite=True), estimator, name=clip.path)
            sequence, written = extraction.sequence, output.read_bytes()
            read_back = load(output)
            if (read_back.frames, len(read_back.frame)) != (sequence.frames, len(sequence.frame)):
                raise OutputError(
                    f"{output}: reads back with {read_back.frames} frames instead of {sequence.frames}"
                )
        md5 = store.confirmed(name, len(written), hashlib.md5(written).hexdigest())
        whole = (video.start, video.end, video.every) == (None, None, 1)
        return Record(
            clip.id, DONE, key, time.time(), round(time.time() - began, 3),
            sha256=hashlib.sha256(written).hexdigest(), size=len(written), md5=md5,
            source_size=source and source.st_size, source_time=source and source.st_mtime_ns,
            frames=sequence.frames, expected=extraction.info.frames if whole else None,
            decoded=int(sequence.frame_ok.sum()), tracks=len(sequence.track_ids), people=len(sequence.frame),
            made_with=f"{sequence.meta.get('runtime')}, skelstream {__version__}",
            warnings=tuple(extraction.warnings),
        )  # fmt: skip


def _as_json(settings: ExtractionSettings) -> dict[str, Any]:
    detection, refinement = settings.estimator.detection, settings.estimator.refinement
    weights = [detection.weights]
    weights += [refinement.weights] if refinement.enabled else []
    weights += [settings.postprocessing.lifter] if settings.postprocessing.lift else []
    return {
        "settings": settings.to_json(),
        "weights_sha256": [_checksum(find_model(name)) for name in weights],
    }


def _checksum(weights: Path) -> str:
    """Return the SHA-256 of a weights file; for OpenVINO IR, of the .xml and the .bin together."""
    files = [weights] + ([weights.with_suffix(".bin")] if weights.suffix == ".xml" else [])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _is_store_error(error: BaseException | None) -> bool:
    """Return whether an error comes from a file system that takes no more files."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _STORE_ERRORS:
            return True
        error = error.__cause__ or error.__context__
    return False
