"""One clip from its video to a verified file of skeletons: the work that every engine has done."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import skelstream
from skelstream.batch.manifest import Clip
from skelstream.batch.records import DONE, FAILED, Record, Records
from skelstream.batch.results import Results, done_with, name_of_result, settings_hash, settings_of
from skelstream.batch.store.fetch import fetched
from skelstream.batch.store.store import StoreError
from skelstream.errors import OutputError
from skelstream.estimation.pose_estimator import Estimator, EstimatorSettings
from skelstream.extraction.extraction import run
from skelstream.extraction.output import rehearse
from skelstream.formats import load
from skelstream.network.model_file import find_model
from skelstream.pipeline import PipelineSettings
from skelstream.processing.postprocessing import Postprocessing

# What ends the whole batch: the place of the results has no room, or takes no more files. Other errors are the clip's own.
_NO_PLACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
# Seconds after which it is looked again what others have done, where that is a request of its own.
_LOOK_AGAIN = 10.0


@dataclass(frozen=True)
class JobSettings:
    """All that decides a clip's result; may be pickled, and kept as JSON.

    Attributes:
        estimator: of the networks.
        postprocessing: done to each sequence.
        pipeline: what of each video is looked at, and how people are followed; the manifest says which part of it.
    """

    estimator: EstimatorSettings = field(default_factory=EstimatorSettings)
    postprocessing: Postprocessing = field(default_factory=Postprocessing)
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values, with the checksums of the weights.

        Raises:
            ModelError: the weights cannot be found or read.
        """
        second, lift = self.estimator.second, self.postprocessing.lift
        names = [self.estimator.weights]
        names += [second.weights] if second and second.looks != 0 else []
        names += [lift] if lift else []
        return asdict(self) | {"weights_sha256": [_checksum(find_model(name)) for name in names]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> JobSettings:
        """What ``as_json`` gave."""
        return _made(cls, values)


@dataclass(frozen=True)
class Job:
    """What the clips of a batch have in common.

    Attributes:
        results: where they go.
        settings: that decide the results.
        hash: of the settings.
        seen: how far the records had been written when it was decided what is to be done.
    """

    results: Results
    settings: JobSettings
    hash: str
    seen: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results, settings: JobSettings) -> Job:
        """With the settings' hash.

        Raises:
            FormatError: the postprocessing cannot be done.
        """
        rehearse(Path("clip.npz"), None, settings.postprocessing)
        return cls(results, settings, settings_hash(settings.as_json()))

    def do(
        self,
        clip: Clip,
        estimator: Estimator,
        keep: Callable[[Record], None] = lambda _: None,
        others: Records | None = None,
    ) -> Record | None:
        """Extracts a clip, reads back what was written, and says how it went; None if another process is at it or has done
        it meanwhile.

        A result appears whole or not at all.

        Args:
            clip: to do.
            estimator: finds the people in it.
            keep: given the record before other processes may have the clip, if it was done.
            others: what has been recorded since it was decided what is to be done.

        Raises:
            OutputError: the place of the results takes no more; no clip can be done until that is mended.
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
        except Exception as error:  # whatever it is, the other clips are to be done
            if isinstance(error, StoreError) or _no_place(error):
                raise OutputError(str(error)) from error
            lines = str(error).splitlines() or [type(error).__name__]
            record = Record(
                clip.id, FAILED, key, time.time(), time.time() - began, reason=type(error).__name__, message=lines[-1]
            )  # fmt: skip
            keep(record)
            return record

    def _done_meanwhile(self, clip: Clip, others: Records) -> bool:
        """Whether another process has done a clip and recorded it, so that its result is there, or has gone on to a shard."""
        store, name = self.results.store, name_of_result(clip.id)
        others.refresh(_LOOK_AGAIN if store.far else 0.0)
        record = done_with(others[clip.id], self.hash, clip)
        if record is None:
            return False
        return store.whole(name, record) or (store.find(name) is None and self.results.layout() is not None)

    def _done(self, clip: Clip, estimator: Estimator, key: str) -> Record:
        s, store, name, began = self.settings, self.results.store, name_of_result(clip.id), time.time()
        part = replace(s.pipeline, start=clip.start, end=clip.end)
        source = os.stat(clip.path) if os.path.isfile(clip.path) else None
        with store.made(name) as output:
            with fetched(clip.path) as path:
                extraction = run(
                    path, estimator, output, part, name=clip.path, overwrite=True, checked=True,
                    postprocessing=s.postprocessing,
                )  # fmt: skip
            sequence, written = extraction.sequence, output.read_bytes()
            read_back = load(output)
            if (read_back.frames, len(read_back.frame)) != (sequence.frames, len(sequence.frame)):
                raise OutputError(
                    f"{output}: reads back with {read_back.frames} frames instead of {sequence.frames}"
                )
        md5 = store.confirmed(name, len(written), hashlib.md5(written).hexdigest())
        whole = (part.start, part.end, part.every) == (None, None, 1)
        return Record(
            clip.id, DONE, key, time.time(), round(time.time() - began, 3),
            sha256=hashlib.sha256(written).hexdigest(), size=len(written), md5=md5,
            source_size=source and source.st_size, source_time=source and source.st_mtime_ns,
            frames=sequence.frames, expected=extraction.info.frames if whole else None,
            decoded=int(sequence.frame_ok.sum()), tracks=len(sequence.track_ids), people=len(sequence.frame),
            made_with=f"{sequence.meta['settings'].get('runtime')}, skelstream {skelstream.__version__}",
            warnings=tuple(extraction.warnings),
        )  # fmt: skip


def _checksum(weights: Path) -> str:
    """SHA-256 of a weights file; of OpenVINO's, whose numbers lie beside it, of both."""
    files = [weights] + ([weights.with_suffix(".bin")] if weights.suffix == ".xml" else [])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _no_place(error: BaseException | None) -> bool:
    """Whether an error comes from a place that takes no more files."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_PLACE:
            return True
        error = error.__cause__ or error.__context__
    return False


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _made(kind: Any, value: Any) -> Any:
    """A value of JSON as the type that a field asks for."""
    if get_origin(kind) in (UnionType, Union):
        if value is None:
            return None
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if isinstance(kind, type) and is_dataclass(kind):
        known = {one.name for one in fields(kind)}
        return kind(**{name: _made(_hints(kind)[name], one) for name, one in value.items() if name in known})
    return tuple(value) if get_origin(kind) is tuple else value
