"""Options that several commands share, and options generated from the settings."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args

import typer

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.files.cache import MODELS_VARIABLE, OFF, VARIABLE, models_folder
from skelstream.settings import Option

from .messages import show_log

_PANELS = ("Source", "Detection", "Refinement", "Hands and faces", "Tracking", "Postprocessing", "Networks")


def _debug(ctx: typer.Context, value: bool) -> None:
    if value:
        root = ctx.find_root()
        root.obj = "debug"
        root.call_on_close(show_log())


def _no_cache(ctx: typer.Context, value: bool) -> None:
    if value:
        before = {name: os.environ.get(name, "") for name in (VARIABLE, MODELS_VARIABLE)}
        os.environ[MODELS_VARIABLE] = str(models_folder() or "")  # fetched networks stay where they are
        os.environ[VARIABLE] = OFF  # worker processes inherit it
        ctx.find_root().call_on_close(lambda: os.environ.update(before))


Debug = Annotated[
    bool, typer.Option("--debug", callback=_debug, help="Print the log, and tracebacks of errors.")
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        callback=_no_cache,
        help="Convert the networks anew; neither read nor write the cache.",
        rich_help_panel="Networks",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="Write to this file, in the format of its ending; -: JSON lines.",
        metavar="PATH",
    ),
]
Skeletons = Annotated[
    Path, typer.Argument(help="Skeletons of one video in any readable format.", metavar="FILE")
]
Format = Annotated[
    str | None,
    typer.Option("--format", "-f", help="Set the format. Default: by the ending.", metavar="NAME"),
]
SourceFormat = Annotated[
    str | None,
    typer.Option("--from", help="Set the inputs' format. Default: by ending and content.", metavar="NAME"),
]
ImageSize = Annotated[
    str | None,
    typer.Option("--size", help="Set the image size, for inputs without it.", metavar="WIDTHxHEIGHT"),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", help="Set the frame rate of inputs without times. Default: 30.", metavar="FPS"),
]
ClipName = Annotated[
    str | None, typer.Option("--clip", help="Read this clip of a pickle with many.", metavar="NAME")
]
Device = Annotated[
    str, typer.Option("--device", help="Compute on auto, cpu, cuda, cuda:1 or mps.", metavar="NAME")
]


def with_settings(*names: str, **defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds options of the settings to a command, and passes it ``settings``, and to a command that
    takes ``given`` the flat names of those that the user gave.

    Args:
        names: names of options, or of groups such as ``tracking.*`` for all their options.
        defaults: defaults of this command that differ from the settings' own.
    """
    base = ExtractionSettings().with_options(**defaults)
    groups = {name.removesuffix(".*") for name in names if name.endswith(".*")}
    chosen = [o for o in base.options() if o.name in names or set(o.path[:-1]) & groups]
    inverted = {o.name for o in chosen if o.default is True}  # flags with names such as --no-tracking
    chosen.sort(key=lambda option: _PANELS.index(option.title))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        takes_context = any(p.name == "ctx" for p in own)
        takes_given = any(p.name == "given" for p in own)
        added = [_parameter(option, defaults) for option in chosen]
        parameters = [p for p in own if p.name not in ("ctx", "settings", "given", "debug")]
        parameters += added + [p for p in own if p.name == "debug"]
        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *parameters]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]

        @wraps(command)
        def run(ctx: typer.Context, **values: Any) -> None:
            given = {option.name: values.pop(option.name) for option in chosen}
            given = {
                name: value != (name in inverted) if isinstance(value, bool) else value
                for name, value in given.items()
                if getattr(ctx.get_parameter_source(name), "name", "") != "DEFAULT"
            }
            if takes_context:
                values["ctx"] = ctx
            if takes_given:
                values["given"] = frozenset(given)
            command(**values, settings=base.with_options(**given))

        run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameter(option: Option, defaults: dict[str, Any]) -> inspect.Parameter:
    """Return a command's parameter for an option of the settings."""
    declared, default = option.setting, defaults.get(option.name, option.default)
    kinds = [kind for kind in (get_args(option.kind) or (option.kind,)) if kind is not NoneType]
    kind = kinds[0] if len(kinds) == 1 and kinds[0] in (bool, int, float, str) else str
    flag = kind is bool
    value = False if flag else str(default) if kind is str and default is not None else default
    shown = typer.Option(
        declared.option,
        help=_with_plugins(declared.help, option.name),
        metavar=None if flag else declared.metavar,
        show_default=not flag and default is not None,
        rich_help_panel=option.title,
    )
    annotation = Annotated[kind if value is not None else kind | None, shown]
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotation
    )


def _with_plugins(help: str, name: str) -> str:
    """Return an option's help with the names that other packages add; to find them would slow down every other start."""
    if name != "tracker" or not {"-h", "--help"} & set(sys.argv):
        return help
    from skelstream.plugins import plugin_names

    found = plugin_names("skelstream.trackers")
    return f"{help} Installed besides: {', '.join(found)}." if found else help


def parsed_size(text: str | None) -> tuple[int, int] | None:
    """Return width and height in pixels from text of the form ``WIDTHxHEIGHT``."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise SettingsError(f"size is {text!r}: give width and height, such as 1920x1080", setting="size")
    return int(width), int(height)
