"""``skelstream models``: listing, import, export, blending and download of weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from skelstream.errors import OutputError

from .messages import plain, say, stdout_console
from .options import Debug, Overwrite

models = typer.Typer(no_args_is_help=True, help="List, show, import, export, blend and download weights.")

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")]


@models.command("list")
def list_models(debug: Debug = False) -> None:
    """List the packaged weights and the fetched networks, a line each; ``models show`` prints a card."""
    from rich.table import Table

    from skelstream.files.cache import models_folder
    from skelstream.network.fetched import fetchable_models
    from skelstream.network.model_file import packaged_models, read_header
    from skelstream.settings.models import DETECTOR, LIFTER, REFINER

    roles = {DETECTOR: "detection", REFINER: "refinement", LIFTER: "3D"}
    table = Table(box=None)
    for column in ("name", "default for", "network", "MB", "main figure"):
        table.add_column(column, no_wrap=True)
    for name, path in packaged_models().items():
        file = read_header(path)
        megabytes = f"{path.stat().st_size / 1e6:.1f}"
        figure = _main_figure(file.card.get("figures"))
        table.add_row(name, roles.get(name, ""), file.architecture, megabytes, plain(figure))
    for name, model in fetchable_models().items() if models_folder() else ():
        if model.path.is_file():
            megabytes = f"{model.path.stat().st_size / 1e6:.1f}"
            table.add_row(name, model.set_name, model.path.suffix[1:], megabytes, plain(model.card["brief"]))
    if not table.rows:
        typer.echo("no weights are installed; see skelstream models fetch and models import")
        return
    stdout_console().print(table)
    say("skelstream models show NAME prints a card")


@models.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Model's name, or weights file.")],
    debug: Debug = False,
) -> None:
    """Show a model's card: joints, input, training data, licence, figures."""
    from rich.markup import escape
    from rich.table import Table

    from skelstream.files.text import printable
    from skelstream.network.fetched import fetchable_models
    from skelstream.network.model_file import find_model

    path = find_model(name)
    model = fetchable_models().get(name)
    facts = _weights_facts(path) if model is None else model.facts()
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for field, value in ({"file": str(path)} | facts).items():
        table.add_row(*(escape(printable(text)) for text in (field, _card_value(field, value))))
    stdout_console(soft_wrap=False).print(table)


def _weights_facts(path: Path) -> dict[str, object]:
    from skelstream.network.model_file import read_header
    from skelstream.network.weights import load_network

    file = read_header(path)
    parameters = sum(p.numel() for p in load_network(file).parameters())
    network = ", ".join([file.architecture, *(f"{k} {v}" for k, v in file.config.items())])
    return {"sha256": file.sha256(), "network": network, "parameters": f"{parameters:,}", **file.card}


@models.command("import")
def import_published(
    file: Annotated[
        Path,
        typer.Argument(
            help="body_pose_model.pth of OpenPose's PyTorch port, a pose_hrnet_*.pth of HRNet, or"
            " pretrained_h36m_detectron_coco.bin of VideoPose3D."
        ),
    ],
    output: Output = None,
    crop: Annotated[
        str | None,
        typer.Option(help="Set height x width of HRNet's crops. Default: by the file's name, else 256x192."),
    ] = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Import published weights of OpenPose, HRNet or VideoPose3D.

    [bold]skelstream models import pose_hrnet_w32_256x192.pth[/]  then extract --refiner hrnet-w32
    [bold]skelstream models import pretrained_h36m_detectron_coco.bin[/]  then lift --weights videopose3d

    The network is recognised by names and shapes of the tensors. Code in the
    file is never run.
    """
    from skelstream.network.importing import import_weights
    from skelstream.network.weights import save_weights

    imported = import_weights(file, *_crop(crop, file))
    output = _output(output or Path(f"{imported.name}.safetensors"), overwrite)
    save_weights(output, imported.state, imported.architecture, imported.config.to_dict(), imported.card)
    shown = output.stem if output == Path(output.name) and output.suffix == ".safetensors" else output
    say(f"wrote {output}; use it with {imported.option} {shown}", err=False)
    typer.echo(f"licence: {imported.card['licence']}")


def _crop(text: str | None, file: Path) -> tuple[int, int]:
    """Return height and width from text such as ``256x192``, else from a file's name, else 256 and 192."""
    import re

    match = re.search(r"(\d{2,4})x(\d{2,4})", file.stem if text is None else text)
    if match:
        return int(match[1]), int(match[2])
    if text is not None:
        raise typer.BadParameter(f"{text!r} does not have the form 256x192", param_hint="--crop")
    return 256, 192


@models.command("export")
def export_weights(
    name: Annotated[str, typer.Argument(help="Model's name, or weights file.")],
    output: Output = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Export a model as .safetensors, .pth (PyTorch state dict) or .onnx.

    [bold]skelstream models export skelstream-movenet -o model.onnx[/]  image to confidence maps and PAFs
    [bold]skelstream models export skelstream-refiner -o refiner.onnx[/]  crop of a person to heatmaps
    """
    from skelstream.network.model_file import find_model, read_header
    from skelstream.network.torch_file import write_state_dict
    from skelstream.network.weights import load_image_network, load_network, save_weights

    file = read_header(find_model(name))
    output = _output(output or Path(f"{file.path.stem}.safetensors"), overwrite)
    network = load_network(file)
    if output.suffix in (".pth", ".pt"):
        write_state_dict(output, network.state_dict())
    elif output.suffix == ".safetensors":
        save_weights(output, network.state_dict(), file.architecture, file.config, file.card)
    elif output.suffix == ".onnx":
        from skelstream.runtimes.onnx import export_onnx

        export_onnx(load_image_network(file), output, file.card | {"sha256": file.sha256()})
    else:
        raise OutputError(f"{output}: unknown ending; choose .safetensors, .pth or .onnx")
    say(f"wrote {output}", err=False)


@models.command("blend")
def blend_weights(
    first: Annotated[str, typer.Argument(help="Model's name, or weights file.")],
    second: Annotated[str, typer.Argument(help="Weights of the same network, for example fine-tuned ones.")],
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Set the share of the second weights, 0 to 1.")
    ] = 0.5,
    output: Output = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Blend two weights of one network to their mean, in half precision."""
    from skelstream.network.blending import blend
    from skelstream.network.model_file import find_model, read_header
    from skelstream.network.weights import save_weights

    files = read_header(find_model(first)), read_header(find_model(second))
    output = _output(output or Path("blend.safetensors"), overwrite)
    state = blend(*files, share)
    names = " and ".join(f"{file.path.name} (sha256 {file.sha256()[:12]})" for file in files)
    data = f"{files[1].card.get('data', '')}; the mean of {names}, the latter with a share of {share:g}"
    # The figures of the two files do not hold for the mean.
    card = files[1].card | {"data": data, "figures": {}}
    save_weights(output, state, files[1].architecture, files[1].config, card)
    typer.echo(f"wrote {output}; measure it with skelstream eval --weights {output}")


@models.command("fetch")
def fetch_file(
    url: Annotated[
        str, typer.Argument(help="whole-body, or URL (http or https) of a weights file.", metavar="SET|URL")
    ],
    sha256: Annotated[
        str | None,
        typer.Option(
            help="Check the SHA-256 of the file at the URL: 64 hexadecimal digits; required for a URL."
        ),
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Download the networks for hands and faces, or a file whose SHA-256 is known.

    [bold]skelstream models fetch whole-body[/]  networks that find hands and faces
    [bold]skelstream models fetch https://example.org/weights.safetensors --sha256 0123...[/]

    whole-body: three networks of MediaPipe (Apache-2.0, 9 MB) out of a package
    on PyPI (36 MB), kept in the user's folder of networks, checked by their
    SHA-256. What is there and intact is not downloaded again.
    A URL: an interrupted download continues.
    """
    from skelstream.network.fetched import WHOLE_BODY

    if url == WHOLE_BODY:
        if sha256 is not None or output is not None:
            option = "--output" if sha256 is None else "--sha256"
            raise typer.BadParameter(f"belongs to a URL; {url} takes neither", param_hint=option)
        _fetch_set(url)
        return
    if "/" not in url:
        raise typer.BadParameter(
            f"{url!r} is neither {WHOLE_BODY} nor an http or https address", param_hint="SET|URL"
        )
    if sha256 is None:
        raise typer.BadParameter("give the SHA-256 of the file at the URL", param_hint="--sha256")
    _fetch_url(url, sha256, output, overwrite)


def _fetch_set(name: str) -> None:
    from skelstream.network.fetched import fetch_set

    models, new = fetch_set(name, sys.stderr.isatty())
    for model in models:
        say(
            f"{model.name}: {'wrote' if model in new else 'already there and intact:'} {model.path}",
            err=False,
        )
    say(f"licence: {', '.join(sorted({model.file.wheel.licence for model in models}))}", err=False)


def _fetch_url(url: str, sha256: str, output: Path | None, overwrite: bool) -> None:
    from urllib.parse import unquote, urlsplit

    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from skelstream.network.download import fetch

    if output is None:
        name = Path(unquote(urlsplit(url).path)).name
        if not name:
            raise typer.BadParameter("give a file name, because the URL has none", param_hint="--output")
        output = Path(name)
    output = _output(output, overwrite)
    columns = (
        *Progress.get_default_columns()[:2],
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(output.name, total=None)
        fetch(url, sha256, output, lambda done, total: progress.update(task, completed=done, total=total))
    say(f"wrote {output}", err=False)


def _output(path: Path, overwrite: bool) -> Path:
    from skelstream.files.atomic import check_writable

    check_writable(path, overwrite)
    return path


def _main_figure(figures: object) -> str:
    """Return a card's first figure, without its protocol and notes."""
    named = figures if isinstance(figures, dict) else {}
    return next((f"{k} {v}" for k, v in named.items() if k not in ("protocol", "note")), "not measured")


def _figures(figures: object) -> str:
    if not isinstance(figures, dict) or not figures:
        return "not measured"
    return ", ".join(f"{k} {v}" for k, v in figures.items())


def _card_value(field: str, value: object) -> str:
    if field == "figures" or isinstance(value, dict):
        return _figures(value)
    if field == "limbs" and isinstance(value, list):
        return ", ".join("-".join(map(str, limb)) if isinstance(limb, list) else str(limb) for limb in value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
