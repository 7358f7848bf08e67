"""Checks of the arguments of Python calls: each returns the value or raises `SettingsError`, which names the argument."""

from __future__ import annotations

import math
import reprlib
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import NoReturn, TypeVar

from skelstream.errors import SettingsError
from skelstream.files.text import printable

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 40
_Kind = TypeVar("_Kind")


def path_argument(value: object, name: str, more: str = "") -> Path:
    """Return a path that is given as text or as a path object; ``more`` names what else may be given."""
    if isinstance(value, str | PathLike):
        try:
            return Path(value)
        except TypeError:  # a path object whose path is bytes
            pass
    _refuse(value, name, f"a path, as text or pathlib.Path{more}")


def count_argument(value: object, name: str, least: int = 1) -> int:
    """Return a whole number of at least ``least``."""
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least:
        return int(value)
    _refuse(value, name, f"a whole number of at least {least}")


def number_argument(
    value: object, name: str, expected: str, *, above: float = -math.inf, low: float = -math.inf
) -> float:
    """Return a finite number above ``above`` and not below ``low``; ``expected`` says in messages what to give."""
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number) and number > above and number >= low:
            return number
    _refuse(value, name, expected)


def instance_argument(value: object, kind: type[_Kind], name: str) -> _Kind:
    """Return a value that is an instance of a class."""
    if isinstance(value, kind):
        return value
    _refuse(value, name, f"a {kind.__name__}" if kind.__name__[0] not in "AEIOU" else f"an {kind.__name__}")


def _refuse(value: object, name: str, expected: str) -> NoReturn:
    plain = value is None or isinstance(value, str | bytes | bool | int | float | list | tuple | dict)
    shown = printable(_SHORT.repr(value)) if plain else f"of type {type(value).__name__}"
    raise SettingsError(f"{name} is {shown}: give {expected}", setting=name)
