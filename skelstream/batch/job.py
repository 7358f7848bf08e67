"""The extraction of one clip, from its video to a verified result; all engines use it."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan
from skelstream.batch.records import DONE, FAILED, Record, Records, time_after
from skelstream.batch.results import Results, clip_settings_hash, done_record, result_name, settings_hash
from skelstream.batch.store.fetch import fetched
from skelstream.batch.store.store import StoreError
from skelstream.errors import OutputError, SettingsError, SourceError
from skelstream.estimation.protocol import Estimator
from skelstream.extraction.extraction import run
from skelstream.extraction.output import Output, check_format
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import load
from skelstream.network.model_file import find_model
from skelstream.refinement.parts.joining import joined_skeleton
from skelstream.version import __version__
from skelstream.video.container import HEADER_SAYS

# Errors of a full, failing or read-only file system, which end the batch; other errors concern one clip.
_STORE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
# Seconds between two requests for other workers' records in a remote store.
_REFRESH_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """The settings and results that the clips of a batch share.

    Attributes:
        results: results of the batch.
        settings: settings of the extraction, without a clip's start and end.
        hash: hash of the settings and the weights.
        offsets: number of bytes of each log of records that the plan has read, by name.
        latest: times of the last records of clips whose records lie in the future, by clip id.
    """

    results: Results
    settings: ExtractionSettings
    hash: str
    offsets: Mapping[str, int] = field(default_factory=dict)
    latest: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results, settings: ExtractionSettings) -> Job:
        """Return the job with the hash of its settings.

        Raises:
            SettingsError: the settings contain a start or end, which belong in the manifest, or the weights
                cannot be found.
            FormatError: the postprocessing is impossible.
        """
        if (settings.video.start, settings.video.end) != (None, None):
            raise SettingsError("give each clip's start and end in the manifest", setting="start")
        skeleton = joined_skeleton(settings.estimator.parts.kinds)
        check_format(Path("clip.npz"), None, settings.postprocessing, skeleton)
        return cls(results, settings, settings_hash(_as_json(settings)))

    def planned(self, plan: Plan) -> Job:
        """Return the job with what its plan has read of the records."""
        return replace(self, offsets=plan.offsets, latest=plan.latest)

    def time(self, clip: Clip) -> float:
        """Return the time of a new record of a clip, later than those of its other records."""
        return time_after(self.latest.get(clip.id))

    @property
    def settings_json(self) -> dict[str, Any]:
        """Settings and SHA-256 of the weights, as JSON values."""
        return _as_json(self.settings)

    def extract(
        self,
        clip: Clip,
        estimator: Estimator,
        save_record: Callable[[Record], None] = lambda _: None,
        others: Records | None = None,
    ) -> Record | None:
        """Extract a clip, read the result back, and return its record.

        Return None if another process extracts the clip or has done so meanwhile. A result appears whole or
        not at all.

        Args:
            clip: the clip.
            estimator: estimator of the poses.
            save_record: called with the record before other processes may claim the clip.
            others: records that other workers have added since the plan was made; None to ignore them.

        Raises:
            OutputError: the store cannot be written, which ends the batch.
        """
        store, name, start = self.results.store, result_name(clip.id), time.time()
        key = clip_settings_hash(self.hash, clip)
        try:
            with store.claimed(f"{name}.extracting", wait=False) as is_ours:
                if is_ours is False or (others is not None and self._is_done_by_others(clip, others)):
                    return None
                record = self._extract(clip, estimator, key)
                save_record(record)
                return record
        except Exception as error:  # of any class: the other clips go on
            if _is_store_error(error):
                raise OutputError(str(error)) from error
            lines = str(error).splitlines() or [type(error).__name__]
            record = Record(
                clip.id, FAILED, key, self.time(clip), time.time() - start,
                reason=type(error).__name__, message=lines[-1],
            )  # fmt: skip
            save_record(record)
            return record

    def _is_done_by_others(self, clip: Clip, others: Records) -> bool:
        """Return whether another process has extracted a clip, and its result is in a file or a shard."""
        store, name = self.results.store, result_name(clip.id)
        others.refresh(_REFRESH_SECONDS if store.remote else 0.0)
        record = done_record(others[clip.id], self.hash, clip)
        if record is None:
            return False
        return store.matches(name, record) or (store.info(name) is None and self.results.layout() is not None)

    def _extract(self, clip: Clip, estimator: Estimator, key: str) -> Record:
        store, name, start = self.results.store, result_name(clip.id), time.time()
        video = replace(self.settings.video, start=clip.start, end=clip.end)
        settings = replace(self.settings, video=video)
        source = os.stat(clip.path) if os.path.isfile(clip.path) else None
        with store.writing(name) as output:
            with fetched(clip.path) as path:
                extraction = run(path, settings, Output(output, overwrite=True), estimator, name=clip.path)
            sequence, written = extraction.sequence, output.read_bytes()
            read_back = load(output)
            if (read_back.frames, len(read_back.frame)) != (sequence.frames, len(sequence.frame)):
                raise OutputError(
                    f"{output}: reads back with {read_back.frames} frames instead of {sequence.frames}"
                )
        md5 = store.confirmed_md5(name, len(written), hashlib.md5(written).hexdigest())
        # A container may count frames that repeat the one before: what counts is whether the extraction warned.
        lacks_frames = any(HEADER_SAYS in line for line in extraction.warnings)
        return Record(
            clip.id, DONE, key, self.time(clip), round(time.time() - start, 3),
            sha256=hashlib.sha256(written).hexdigest(), size=len(written), md5=md5,
            source_size=source and source.st_size, source_time=source and source.st_mtime_ns,
            frames=sequence.frames, expected=extraction.info.frames if lacks_frames else None,
            decoded=int(sequence.frame_ok.sum()), tracks=len(sequence.track_ids), people=len(sequence.frame),
            software=f"{sequence.meta.get('runtime')}, skelstream {__version__}",
            warnings=tuple(extraction.warnings),
        )  # fmt: skip


def _as_json(settings: ExtractionSettings) -> dict[str, Any]:
    detection, refinement = settings.estimator.detection, settings.estimator.refinement
    weights = [detection.weights]
    weights += [refinement.weights] if refinement.enabled else []
    weights += settings.estimator.parts.networks
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
    """Return whether an error comes from the place of the results, which ends the batch, and not from the video.

    FFmpeg's errors have the numbers of the operating system, but concern the video.
    """
    while error is not None and not isinstance(error, SourceError | FFmpegError):
        if isinstance(error, StoreError) or (isinstance(error, OSError) and error.errno in _STORE_ERRORS):
            return True
        error = error.__cause__ or error.__context__
    return False
