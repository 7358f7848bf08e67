"""The ``skelstream`` command line: one module a command, no logic of its own.

Command modules import the library inside their function, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer
from typer.core import TyperGroup

from skelstream import __version__
from skelstream.errors import SettingsError, SkelstreamError, Stopped

from .messages import complain
from .signals import obey_signals

WRONG_USE, INTERRUPTED = 2, 130
"""Exit statuses: a setting that is not allowed, as for an unknown option; and Ctrl-C."""


class _Group(TyperGroup):
    """Turns errors that the user can fix into one line on standard error and an exit status."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except SkelstreamError as error:
            if ctx.obj == "debug":
                raise
            _tell(f"{error}{self._option(ctx, error.setting)}", error)
            raise typer.Exit(WRONG_USE if isinstance(error, SettingsError) else 1) from None
        except Stopped as stopped:
            _tell(f"ended by {signal.Signals(stopped.number).name}", stopped)
            raise typer.Exit(128 + stopped.number) from None
        except KeyboardInterrupt as interrupt:
            _tell("interrupted", interrupt)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output has gone and has what it wanted; Python's flush at exit must not complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            # A path that cannot be accessed: too long a name, a folder without permission.
            if ctx.obj == "debug" or error.filename is None:
                raise
            _tell(f"{error.filename}: {error.strerror}", error)
            raise typer.Exit(1) from None

    def _option(self, ctx, setting: str | None) -> str:
        """Return the option of the current command that is named like a setting, in parentheses."""
        command = self.get_command(ctx, ctx.invoked_subcommand)
        for part in (command, *getattr(command, "commands", {}).values()):
            for parameter in part.params if part else ():
                if parameter.name == setting:
                    return f" ({parameter.opts[0]})"
        return ""


def _tell(message: str, error: BaseException) -> None:
    # Notes say what was saved before the error.
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", []))
    with suppress(OSError):  # the terminal may have gone
        complain(f"{message}{notes}")


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Video in, identity-stable, time-stamped skeleton sequences out.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"skelstream {__version__}")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep commands named and errors on one line, however few commands there are."""


def main() -> None:
    """Entry point of the installed ``skelstream`` command."""
    # skelstream reports damaged images itself.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    obey_signals()
    app()


from .convert import convert  # noqa: E402
from .doctor import doctor  # noqa: E402
from .extract import extract  # noqa: E402
from .batch import batch  # noqa: E402
from .eval import evaluate  # noqa: E402
from .eval_tracking import evaluate_tracking  # noqa: E402
from .lift import lift  # noqa: E402
from .models import models  # noqa: E402
from .info import info  # noqa: E402
from .preview import preview  # noqa: E402
from .render import render  # noqa: E402
from .train import train  # noqa: E402
from .train_lifting import train_lifting  # noqa: E402
from .view import view  # noqa: E402

app.command("extract")(extract)
app.add_typer(batch, name="batch")
app.command("convert")(convert)
app.command("info")(info)
app.command("eval")(evaluate)
app.command("eval-tracking")(evaluate_tracking)
app.command("preview")(preview)
app.command("render")(render)
app.command("view")(view)
app.command("lift")(lift)
app.command("train")(train)
app.command("train-lifting")(train_lifting)
app.add_typer(models, name="models")
app.command("doctor")(doctor)
