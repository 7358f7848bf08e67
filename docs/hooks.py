"""Hook of MkDocs: makes the pages about the command line and the settings from the code, at every build.

Neither page is a file in the repository, so they cannot lag behind the code.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from skelstream.cli import app
from skelstream.extraction.settings import ExtractionSettings
from skelstream.settings import Setting, Settings


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, text in (
        ("reference/cli.md", command_line_page()),
        ("reference/settings.md", settings_page()),
    ):
        files.append(File.generated(config, path, content=text))
    return files


# Command line


def command_line_page() -> str:
    """Return the page about the command line, in Markdown."""
    lines = [
        "# Command line",
        "",
        "This page is made from the commands themselves; `skelstream COMMAND --help` prints the same.",
        "",
    ]
    for path, command in commands(typer.main.get_command(app), ()):
        lines += _command(path, command)
    return "\n".join(lines)


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command without subcommands, with its name."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for name, child in children.items():
        if not child.hidden:
            yield from commands(child, (*path, name))


def _command(path: tuple[str, ...], command: Any) -> list[str]:
    title = f"skelstream {' '.join(path)}"
    lines = [f"## {title}", "", *_prose(command.help or ""), ""]
    panels: dict[str, list[Any]] = {}
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            panels.setdefault(_panel(parameter), []).append(parameter)
    for panel, parameters in panels.items():
        lines += [f"**{panel}**", "", "| name | meaning | default |", "|---|---|---|"]
        lines += [_row(parameter) for parameter in parameters]
        lines.append("")
    return lines


def _panel(parameter: Any) -> str:
    if getattr(parameter, "param_type_name", "") == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or "Options"


def _row(parameter: Any) -> str:
    if _panel(parameter) == "Arguments":
        name = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
        value = "" if parameter.is_flag else f" {_metavar(parameter)}"
        name = (
            ", ".join(f"`{one}`" for one in names[:-1])
            + (", " if names[1:] else "")
            + f"`{names[-1]}{value}`"
        )
    default = "required" if parameter.required else _shown(parameter.default)
    if isinstance(parameter.default, bool):
        on_name = (parameter.opts if parameter.default else parameter.secondary_opts)[-1:]
        default = f"`{on_name[0]}`" if on_name and parameter.secondary_opts else ""
    return f"| {_cell(name)} | {_cell(_text(parameter.help or ''))} | {_cell(default)} |"


def _metavar(parameter: Any) -> str:
    """The name of an option's value, whatever the version of Typer."""
    if parameter.metavar:
        return parameter.metavar
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return {Path: "PATH", int: "N", float: "X"}.get(kind, "TEXT")  # pyright: ignore[reportArgumentType]


def _shown(value: Any) -> str:
    if value is None or callable(value) or value == () or value == [] or "Sentinel" in type(value).__name__:
        return ""
    return f"`{value}`"


def _prose(help: str) -> list[str]:
    """Paragraphs of a command's help; paragraphs of examples keep their lines."""
    lines: list[str] = []
    for paragraph in help.replace("\f", "").replace("\b", "").strip().split("\n\n"):
        rows = [_plain(row.strip()) for row in paragraph.strip("\n").splitlines() if row.strip()]
        if rows and all("skelstream " in row for row in rows):
            lines += ["```text", *rows, "```", ""]
        else:
            lines += [_text(" ".join(rows)), ""]
    return lines[:-1]


def _plain(text: str) -> str:
    r"""Help without Rich's marks, where ``\[`` is a bracket."""
    return re.sub(r"(?<!\\)\[/?[a-z ]*\]", "", text).replace("\\[", "[")


def _text(text: str) -> str:
    return _plain(text).replace("<", "&lt;").replace("*", "\\*")


# Settings


def settings_page() -> str:
    """Return the page about the settings, in Markdown."""
    lines = [
        "# Settings",
        "",
        "All settings that determine one clip's result form a tree, `ExtractionSettings`; this page is made from their"
        " declarations. A setting with an option is also a keyword argument of `extract`, `stream` and `windows`:"
        " `--max-lost 2` is `max_lost=2.0`. [The tree](../concepts/settings.md) explains the rest.",
        "",
    ]
    for path, kind in groups(ExtractionSettings, ()):
        lines += _group(path, kind)
    return "\n".join(lines)


def groups(kind: type[Settings], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[Settings]]]:
    """Yield a group of settings and those within it, each with its path from the root."""
    yield path, kind
    for field in dataclasses.fields(kind):  # pyright: ignore[reportArgumentType]
        child = field.default_factory
        if isinstance(child, type) and issubclass(child, Settings):
            yield from groups(child, (*path, field.name))


def _group(path: tuple[str, ...], kind: type[Settings]) -> list[str]:
    own = [
        (field, declared)
        for field in dataclasses.fields(kind)  # pyright: ignore[reportArgumentType]
        if isinstance(declared := field.metadata.get("skelstream"), Setting)
    ]
    summary = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    lines = [f"## {'.'.join(path) or 'settings'}", "", f"`{kind.__name__}`: {summary}", ""]
    if own:
        lines += ["| name | option | type | default | meaning |", "|---|---|---|---|---|"]
    for field, declared in own:
        option = f"`{declared.option}`" if declared.option else ""
        type_name = str(field.type).replace("|", "or")
        default = "none" if field.default is None else f"`{field.default}`"
        unit = f" {declared.unit}" if declared.unit and field.default is not None else ""
        allowed = f" Allowed: {declared.expected}." if declared.expected else ""
        more = f" {declared.more}" if declared.more else ""
        meaning = f"{declared.help}{more}{allowed}".replace("<", "&lt;")
        lines.append(
            f"| `{field.name}` | {option} | {_cell(type_name)} | {_cell(default + unit)} | {_cell(meaning)} |"
        )
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
