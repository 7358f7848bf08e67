"""Many sources to a folder of skeletons, one job a source; results that are there are left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skelstream.errors import OutputError, SkelstreamError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.extraction import Extraction, Report, run
from skelstream.extraction.output import check_output
from skelstream.files.locks import claimed
from skelstream.formats import choose
from skelstream.pipeline import PipelineSettings
from skelstream.processing.postprocessing import Postprocessing


@dataclass(frozen=True)
class Outcome:
    """What became of one of many sources: ``extraction``, or the ``error``, or neither if it was done before.

    ``elsewhere``: another process is at it.
    """

    source: str
    output: Path
    extraction: Extraction | None = None
    error: SkelstreamError | None = None
    elsewhere: bool = False


def run_many(
    sources: Iterable[str],
    estimator: PoseEstimator | Callable[[], PoseEstimator],
    folder: Path,
    settings: PipelineSettings = PipelineSettings(),
    *,
    format: str | None = None,
    postprocessing: Postprocessing = Postprocessing(),
    overwrite: bool = False,
    report: Report | None = None,
) -> Iterator[Outcome]:
    """``run`` for many sources, each to a file of its name in ``folder``; the network is loaded once.

    A result that is there already is left alone, so that a run that was stopped goes on where it stood: results appear
    whole or not at all. A source that fails does not stop the others. Several processes may share a folder: each
    source is done by one of them.

    Raises:
        FormatError: no format has that name.
        OutputError: two sources would write the same file, or the folder cannot be made.
    """
    sources = list(sources)
    suffix = next(iter(choose(folder, format or "npz").extensions), "")
    outputs = [folder / f"{Path(source).stem}{suffix}" for source in sources]
    if len(set(outputs)) < len(outputs):
        twice = next(path for i, path in enumerate(outputs) if path in outputs[:i])
        raise OutputError(f"{twice}: two of the sources have this name; extract them into different folders")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None
    for output in outputs[:1]:
        check_output(output, format, postprocessing, overwrite=True)
    made = cache(estimator) if callable(estimator) else estimator
    for source, output in zip(sources, outputs, strict=True):
        with claimed(output.with_name(f"{output.name}.extracting"), wait=False) as ours:
            if ours is False or (output.exists() and not overwrite):
                yield Outcome(source, output, elsewhere=ours is False)
                continue
            try:
                done = run(
                    source, made, output, settings, format=format, postprocessing=postprocessing, overwrite=overwrite,
                    report=report,
                )  # fmt: skip
                yield Outcome(source, output, done)
            except SkelstreamError as error:
                yield Outcome(source, output, error=error)
