"""Values of files that others wrote, checked one by one: each comes back with its type, or a line says what is wrong.

``name`` is what the value is called in its file, for instance ``people[2].score``. The caller, who knows the file, adds its path.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable

INT32 = 2**31 - 1
"""The largest frame number and track id that a sequence holds."""

LARGEST = 1_000_000
"""No image has a side of more pixels, and no joint lies further from one."""

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 3
_SHORT.maxlong = _SHORT.maxstring = 30


def refuse(value: object, name: str, expected: str) -> NoReturn:
    """Say that a value is not what is expected.

    Raises:
        FormatError: always.
    """
    try:
        shown = printable(_SHORT.repr(value))
    except ValueError:  # an integer of more digits than Python writes
        shown = "a number of thousands of digits"
    raise FormatError(f"{printable(name)} is {shown}, {expected} expected")


def integer(value: object, name: str, low: int = 0, high: int = INT32) -> int:
    """A whole number from ``low`` to ``high``; 3.0 counts as 3, true and "3" do not."""
    whole = None
    if isinstance(value, bool):
        pass
    elif isinstance(value, Integral):
        whole = int(value)
    elif isinstance(value, Real) and math.isfinite(value) and float(value).is_integer():
        whole = int(float(value))
    if whole is not None and low <= whole <= high:
        return whole
    refuse(value, name, f"a whole number from {low} to {high}")


def real(value: object, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from ``low`` to ``high``."""
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and low <= number <= high:
            return number
    limits = "" if low == -math.inf and high == math.inf else f" from {low:g} to {high:g}"
    refuse(value, name, f"a finite number{limits}")


def truth(value: object, name: str) -> bool:
    """True or false, or 1 or 0."""
    if isinstance(value, bool | Real) and value in (0, 1):
        return bool(value)
    refuse(value, name, "true or false")


def string(value: object, name: str) -> str:
    """Text without NUL, which no file name and no C library takes."""
    if isinstance(value, str) and "\0" not in value:
        return value
    refuse(value, name, "text")


def items(value: object, name: str, length: int | None = None) -> list[Any]:
    """A list, of ``length`` entries where that is given."""
    if isinstance(value, list | tuple) and length in (None, len(value)):
        return list(value)
    refuse(value, name, "a list" if length is None else f"a list of {length}")


def mapping(value: object, name: str) -> dict[str, Any]:
    """An object of named values."""
    if isinstance(value, Mapping):
        return dict(value)
    refuse(value, name, "an object of named values")


def identifier(value: object, name: str) -> int | str:
    """What sets of images call an image: a whole number or text."""
    if isinstance(value, str):
        return string(value, name)
    try:
        return integer(value, name, -(2**63), 2**63 - 1)
    except FormatError:
        refuse(value, name, "a whole number or text")


def reals(
    value: object, name: str, shape: tuple[int, ...], missing: bool = False, most: float = math.inf
) -> np.ndarray:
    """Numbers as float64 of a shape, in which -1 stands for any length.

    Lists of the same numbers in another nesting are taken too.

    Args:
        missing: whether NaN may stand for what is missing; else all must be finite.
        most: the greatest size that a number may have, either way from 0.
    """
    wanted = "x".join("n" if n < 0 else str(n) for n in shape)
    try:
        array = np.array(value)
        if array.dtype.kind in "iuf" or not array.size:
            array = array.astype(np.float64).reshape(shape)
            wrong = np.isinf(array) if missing else ~np.isfinite(array)
            if not (wrong | (np.abs(array) > most)).any():
                return array
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    limit = "" if most == math.inf else f" of at most {most:,}"
    refuse(value, name, f"{wanted} finite numbers{limit}")


def entry(values: Mapping[str, Any], key: str, name: str = "") -> Any:
    """The value of a key that must be there; ``name`` is what the object is called, if it has a name."""
    if key not in values:
        raise FormatError(f"{printable(name) or 'an entry'} has no {key}")
    return values[key]
