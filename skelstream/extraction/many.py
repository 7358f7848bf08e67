"""Many sources to a folder of skeletons; results that exist already are kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skelstream.errors import OutputError, SkelstreamError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.extraction import Extraction, MakesEstimator, Report, run
from skelstream.extraction.output import Output
from skelstream.extraction.settings import ExtractionSettings
from skelstream.files.locks import claimed
from skelstream.files.text import printable
from skelstream.formats import FORMATS, choose, load
from skelstream.formats.registry import format_of_ending


def _check_source_of(result: Path, source: str) -> None:
    """Check that an existing result belongs to a source, if the file names its source.

    Both names may be relative to different folders: they agree if one is the end of the other.

    Raises:
        OutputError: it belongs to another source.
    """
    try:
        recorded = load(result).meta.get("source") if result.suffix == ".npz" else None
    except SkelstreamError:
        return
    if not isinstance(recorded, str) or recorded == source:
        return
    paths = [Path(os.path.abspath(name)).parts for name in (source, recorded)]
    ends = [
        tuple(part for part in Path(name).parts if part not in ("..", "/")) for name in (source, recorded)
    ]
    if paths[0] == paths[1] or paths[0][-len(ends[1]) :] == ends[1] or paths[1][-len(ends[0]) :] == ends[0]:
        return
    raise OutputError(
        f"{result}: is the result of {printable(recorded)}, not of {printable(source)}; choose another folder for it,"
        " or replace it with overwrite=True",
        setting="overwrite",
    )


@dataclass(frozen=True)
class Outcome:
    """What happened to one of many sources.

    Attributes:
        source: the source as given.
        output: file of its result.
        extraction: result of the work; None if there was none to do, or it failed.
        error: error that ended the work, or None.
        by_other: whether another process works on the source.
    """

    source: str
    output: Path
    extraction: Extraction | None = None
    error: SkelstreamError | None = None
    by_other: bool = False


def run_many(
    sources: Iterable[str],
    folder: Path,
    settings: ExtractionSettings = ExtractionSettings(),
    estimator: MakesEstimator | None = None,
    *,
    format: str | None = None,
    overwrite: bool = False,
    report: Report | None = None,
) -> Iterator[Outcome]:
    """Extract many sources, each to a file of its name in ``folder``, and yield the outcome of each.

    The networks are loaded once. An existing result is kept, so that an interrupted run continues where it stopped: results
    appear whole or not at all. A source that fails does not stop the others. Several processes may share a folder: each
    source is extracted by one of them.

    Args:
        sources: files, folders, patterns or URLs.
        folder: folder of the results; made if it does not exist.
        settings, estimator, report: see ``run``.
        format: name of the format; None for npz.
        overwrite: whether existing results are replaced.

    Raises:
        FormatError: no format has that name.
        OutputError: two sources would write the same file, or the folder is named like a file or cannot be made.
    """
    sources = list(sources)
    if not folder.is_dir() and format_of_ending(folder, FORMATS.values()) is not None:
        raise OutputError(
            f"{folder}: is named like a file, and several sources need a folder; end it with / or extract them one by one",
            setting="output",
        )
    suffix = next(iter(choose(folder, format or "npz").extensions), "")
    paths = [folder / f"{Path(source).stem}{suffix}" for source in sources]
    if len(set(paths)) < len(paths):
        twice = next(path for i, path in enumerate(paths) if path in paths[:i])
        raise OutputError(f"{twice}: two sources have this name; extract them into different folders")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None
    for source, path in zip(sources[:1], paths[:1], strict=True):
        Output(path, format, overwrite=True).check(source, settings)
    given = estimator or (lambda: PoseEstimator(settings.estimator))
    shared = cache(given) if callable(given) else given
    for source, path in zip(sources, paths, strict=True):
        with claimed(path.with_name(f"{path.name}.extracting"), wait=False) as ours:
            if ours is False:
                yield Outcome(source, path, by_other=True)
                continue
            try:
                if path.exists() and not overwrite:
                    _check_source_of(path, source)
                    yield Outcome(source, path)
                    continue
                output = Output(path, format, overwrite)
                output.check(source, settings)
                yield Outcome(source, path, run(source, settings, output, shared, report=report))
            except SkelstreamError as error:
                yield Outcome(source, path, error=error)
