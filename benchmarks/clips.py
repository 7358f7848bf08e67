"""Speed of the pipeline and of its stages on clips, with a contact sheet of each for inspection.

    python benchmarks/clips.py CLIP... [-o FOLDER] [--weights W] [--size N] [--refine N] [--detect-every N]

Stages run in parallel, so that the whole is about as fast as the slowest stage; the last column is their
ratio.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from skelstream.cli.estimator import make_estimator
from skelstream.drawing.sheet import sequence_sheet, write_png
from skelstream.extraction.extraction import run
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import save
from skelstream.pipeline.times import STAGES
from skelstream.settings.estimation import SIZE
from skelstream.settings.models import DETECTOR


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="folder for skeletons and contact sheets")
    parser.add_argument("--weights", default=DETECTOR)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--refine", default="all", help="people to refine per frame; 0: detection alone")
    parser.add_argument("--detect-every", default="auto", help="detect every N-th frame, or auto")
    options = parser.parse_args()
    settings = ExtractionSettings().with_options(
        weights=options.weights, size=options.size, refine=options.refine, detect_every=options.detect_every
    )
    estimator = make_estimator(settings.estimator)
    console = Console(width=150)
    console.print(
        f"{estimator.provenance.model}, {estimator.name}, long side {options.size} px,"
        f" {os.cpu_count()} cores; frames/s of each stage while busy, and of the whole"
    )
    table = Table("clip", "size", "frames", "people", "tracks", *STAGES, "whole", "of the slowest stage")
    for path in options.clips:
        done = run(path, settings, estimator=estimator)
        frames = len(done.sequence.frame_time)
        rates = {stage: frames / seconds for stage, seconds in done.times.seconds.items() if seconds}
        whole = frames / done.seconds
        table.add_row(
            path.name,
            f"{done.info.width}x{done.info.height}",
            str(frames),
            f"{len(done.sequence.frame) / frames:.2f}",
            str(len(done.sequence.track_ids)),
            *(f"{rates[stage]:.0f}" if stage in rates else "" for stage in STAGES),
            f"{whole:.1f}",
            f"{whole / min(rates.values()):.0%}",
        )
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            save(done.sequence, options.output / f"{path.stem}.npz", overwrite=True)
            write_png(options.output / f"{path.stem}.png", sequence_sheet(done.sequence, path))
    console.print(table)


if __name__ == "__main__":
    main()
