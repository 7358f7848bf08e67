"""``skelstream export``: the network for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelstream.errors import OutputError

from .options import Debug, Weights
from .saying import say


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="ONNX file to write.")],
    weights: Weights = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    debug: Debug = False,
) -> None:
    """Write a network as ONNX: float32 RGB in [0, 255] in, its maps out.

    [bold]skelstream export -o model.onnx[/]  images of any size to confidence maps and fields
    [bold]skelstream export --weights skelstream-second -o second.onnx[/]  crops of one person to heatmaps
    """
    from skelstream.network.model_file import find_model, read_header
    from skelstream.network.weights import load_network
    from skelstream.runtimes.onnx import export_onnx

    if output.suffix != ".onnx":
        raise OutputError(f"{output}: the file is written as .onnx; for weights: skelstream models export")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; give another --output, or --overwrite")
    file = read_header(find_model(weights))
    export_onnx(load_network(file), output, file.card | {"sha256": file.sha256()})
    say(f"wrote {output}", err=False)
