"""The ``skelstream`` command line: one module per command, without logic of its own.

Commands import the library inside their functions, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer
from rich.console import Console
from typer.core import TyperGroup

from skelstream import __version__
from skelstream.errors import SettingsError, SkelstreamError, Stopped

from .messages import complain, described
from .signals import end_at_once, handle_signals

WRONG_USE, INTERRUPTED = 2, 130
"""Exit statuses of a wrong setting, as for an unknown option, and of Ctrl-C."""


_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


class _Group(TyperGroup):
    """The application's commands; errors that the user can fix become one line and an exit status."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except SkelstreamError as error:
            if ctx.obj == "debug":
                raise
            _report(described(error, self.get_command(ctx, ctx.invoked_subcommand or "")), error)
            raise typer.Exit(WRONG_USE if isinstance(error, SettingsError) else 1) from None
        except Stopped as stopped:
            _report(f"ended by {signal.Signals(stopped.number).name}", stopped)
            raise typer.Exit(128 + stopped.number) from None
        except KeyboardInterrupt as interrupt:
            _report("interrupted", interrupt)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of standard output has ended; Python's flush at exit must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            # A path that cannot be accessed, for example a too long name or a folder without permission.
            if ctx.obj == "debug" or (error.filename is None and error.errno not in _UNWRITABLE):
                raise
            if error.filename is None:  # rich and typer write to standard output themselves
                with suppress(OSError):  # Python must not write the rest again at exit
                    sys.stdout.close()
            _report(f"{error.filename or 'standard output'}: {error.strerror}", error)
            raise typer.Exit(1) from None


def _report(message: str, error: BaseException) -> None:
    """Print an error with its notes, which say what was saved."""
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", []))
    with suppress(OSError):  # the terminal may be closed
        complain(f"{message}{notes}")


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Extract identity-stable, time-stamped skeleton sequences from videos.",
)


@app.callback(invoke_without_command=True)
def _commands(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Print the version if that is wanted; without a command there is nothing else to do."""
    if version:
        typer.echo(f"skelstream {__version__}")
        raise typer.Exit


def _end_quietly(self: Console) -> None:
    """End the process with status 0, because the reader of the help has ended; rich itself ends with status 1."""
    self.quiet = True
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


def main() -> None:
    """Run the ``skelstream`` command."""
    # skelstream reports damaged images itself.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # the terminal may not know bars and ellipses
    handle_signals()
    Console.on_broken_pipe = _end_quietly
    try:
        app()
    except SystemExit as ended:
        end_at_once(ended.code)
        raise
    except KeyboardInterrupt as interrupt:  # before a command has begun
        sys.exit(128 + interrupt.number if isinstance(interrupt, Stopped) else INTERRUPTED)
    finally:
        gc.freeze()  # Python searches all that torch imported for garbage as it ends, for a third of a second


from .convert import convert  # noqa: E402
from .doctor import doctor  # noqa: E402
from .edit import InOrder, edit  # noqa: E402
from .extract import extract  # noqa: E402
from .batch import batch  # noqa: E402
from .eval import evaluate  # noqa: E402
from .eval_tracking import evaluate_tracking  # noqa: E402
from .lift import lift  # noqa: E402
from .models import models  # noqa: E402
from .info import info  # noqa: E402
from .preview import preview  # noqa: E402
from .render import render  # noqa: E402
from .track import track  # noqa: E402
from .train import train  # noqa: E402
from .train_lifting import train_lifting  # noqa: E402
from .view import view  # noqa: E402

_VIDEOS, _FILES, _FIGURES, _MACHINE = "From videos", "Skeleton files", "Figures and training", "Installation"

app.command("extract", rich_help_panel=_VIDEOS)(extract)
app.add_typer(batch, name="batch", rich_help_panel=_VIDEOS)
app.command("preview", rich_help_panel=_VIDEOS)(preview)
app.command("info", rich_help_panel=_FILES)(info)
app.command("view", rich_help_panel=_FILES)(view)
app.command("render", rich_help_panel=_FILES)(render)
app.command("track", rich_help_panel=_FILES)(track)
app.command("edit", cls=InOrder, rich_help_panel=_FILES)(edit)
app.command("convert", rich_help_panel=_FILES)(convert)
app.command("lift", rich_help_panel=_FILES)(lift)
app.command("eval", rich_help_panel=_FIGURES)(evaluate)
app.command("eval-tracking", rich_help_panel=_FIGURES)(evaluate_tracking)
app.command("train", rich_help_panel=_FIGURES)(train)
app.command("train-lifting", rich_help_panel=_FIGURES)(train_lifting)
app.add_typer(models, name="models", rich_help_panel=_MACHINE)
app.command("doctor", rich_help_panel=_MACHINE)(doctor)
